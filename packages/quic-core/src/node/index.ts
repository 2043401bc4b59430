/** What the core can do better on Node. */
export { nodeProtector } from './protector.ts';
export { createWasmProtector, fastProtector } from './wasm-protector.ts';
export type { WasmEngine, WasmProtectorOptions } from './wasm-protector.ts';
