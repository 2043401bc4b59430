/** What the core can do better on Node. */
export { nodeProtector } from './protector.ts';
