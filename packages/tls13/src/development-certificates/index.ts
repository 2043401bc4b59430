/** Certificates for development: made, not bought. Apart from the rest for its dependencies, which nothing else needs. */
export { createDevelopmentCertificates } from './create.ts';
export type { DevelopmentCertificateOptions, DevelopmentCertificates, DevelopmentKeyType } from './create.ts';
export { writeDevelopmentCertificates } from './write.ts';
export type { DevelopmentCertificateFiles, WriteDevelopmentCertificateOptions } from './write.ts';
