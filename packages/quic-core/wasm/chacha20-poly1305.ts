/**
 * ChaCha20-Poly1305 (RFC 8439) for one QUIC packet at a time, and the header-protection masks of RFC 9001 §5.4.4.
 *
 * This is AssemblyScript: TypeScript's syntax, WebAssembly's types. `npm run build:wasm` compiles it; what it gives is committed as
 * src/node/chacha20-poly1305.wasm.ts, and a test compares the two.
 *
 * Constant time: additions, rotations, XOR and multiplications of 64 bits; branches and addresses depend on lengths alone. A packet is
 * decrypted after its tag was found to be right, never before.
 *
 * All memory is laid out below, nothing is allocated. The caller writes key and nonce before each call, so the module holds no state that
 * lives longer than a call.
 */

/**
 * Longest header and longest payload, bytes. OpenSSL has instructions that WebAssembly lacks: from about here on they make up for what a call of node:crypto
 * costs (5.0 and 5.2 µs at 4,000 bytes, 9.7 and 6.7 at 8,000; Node 20, 2026-11).
 */
const MAX_LENGTH: i32 = 4096;

/** 32 bytes. */
const KEY: usize = 0;
/** 12 bytes. */
const NONCE: usize = 32;
/** Rows 12 to 15 of four ChaCha20 states at once: what the blocks of one call differ in. */
const ROWS: usize = 64;
/** Four blocks of key stream. */
const STREAM: usize = 128;
/** Poly1305: five words of the accumulator and four of r, each in 64 bits, and the 16 bytes that are added in the end. */
const ACCUMULATOR: usize = 384;
const MULTIPLIER: usize = 424;
const SUMMAND: usize = 464;
/** The last block of Poly1305. */
const LENGTHS: usize = 480;
/** Samples of 16 bytes going in, masks of 8 bytes (5 of them are used) coming out. */
const SAMPLES: usize = 512;
const MAX_SAMPLES: i32 = 64;
const MASKS: usize = SAMPLES + 16 * (MAX_SAMPLES as usize);
/** Up to MAX_LENGTH bytes and 16 of padding. */
const HEADER: usize = 2048;
/** Up to MAX_LENGTH bytes and the tag; up to 255 bytes beyond are overwritten, as key stream comes in steps of 256. */
const PAYLOAD: usize = HEADER + (MAX_LENGTH as usize) + 64;

// prettier-ignore
export { KEY as key, NONCE as nonce, SAMPLES as samples, MASKS as masks, MAX_SAMPLES as maxSamples, HEADER as header, PAYLOAD as payload, MAX_LENGTH as maxLength };

/** Encrypts the payload in place and writes the tag behind it. */
export function seal(headerLength: i32, payloadLength: i32): void {
  const end = PAYLOAD + payloadLength;
  begin();
  encrypt(end);
  const tag = authenticate(headerLength, payloadLength);
  v128.store(end, tag);
}

/**
 * Decrypts the payload in place if the tag behind it is right.
 *
 * @param payloadLength - without the tag
 * @returns 1 if it is, 0 if not: the payload is still encrypted then
 */
export function open(headerLength: i32, payloadLength: i32): i32 {
  const end = PAYLOAD + payloadLength;
  const received = v128.load(end);
  begin();
  const tag = authenticate(headerLength, payloadLength);
  if (v128.any_true(v128.xor(received, tag))) return 0;
  encrypt(end);
  return 1;
}

/** RFC 9001 §5.4.4: the first four bytes of a sample are the block counter, the other twelve the nonce. Four samples make one step. */
export function mask(count: i32): void {
  for (let i = 0; i < count; i += 4) {
    // Samples beyond count are whatever is there: their masks are not read.
    const from = SAMPLES + 16 * i;
    const s0 = v128.load(from);
    const s1 = v128.load(from, 16);
    const s2 = v128.load(from, 32);
    const s3 = v128.load(from, 48);
    const low01 = interleaveLow(s0, s1);
    const low23 = interleaveLow(s2, s3);
    const high01 = interleaveHigh(s0, s1);
    const high23 = interleaveHigh(s2, s3);
    v128.store(ROWS, joinLow(low01, low23));
    v128.store(ROWS, joinHigh(low01, low23), 16);
    v128.store(ROWS, joinLow(high01, high23), 32);
    v128.store(ROWS, joinHigh(high01, high23), 48);
    keyStream();
    const to = MASKS + 8 * i;
    store<u64>(to, load<u64>(STREAM));
    store<u64>(to, load<u64>(STREAM, 64), 8);
    store<u64>(to, load<u64>(STREAM, 128), 16);
    store<u64>(to, load<u64>(STREAM, 192), 24);
  }
}

/** Makes blocks 0 to 3 of the key stream: block 0 is the key of Poly1305 (RFC 8439 §2.6), 1 to 3 are for the payload. */
function begin(): void {
  v128.store(ROWS, i32x4(0, 1, 2, 3));
  v128.store(ROWS, v128.load32_splat(NONCE), 16);
  v128.store(ROWS, v128.load32_splat(NONCE, 4), 32);
  v128.store(ROWS, v128.load32_splat(NONCE, 8), 48);
  keyStream();
  // RFC 8439 §2.5: r is clamped.
  store<u64>(MULTIPLIER, load<u32>(STREAM) & 0x0fff_ffff);
  store<u64>(MULTIPLIER, load<u32>(STREAM, 4) & 0x0fff_fffc, 8);
  store<u64>(MULTIPLIER, load<u32>(STREAM, 8) & 0x0fff_fffc, 16);
  store<u64>(MULTIPLIER, load<u32>(STREAM, 12) & 0x0fff_fffc, 24);
  v128.store(SUMMAND, v128.load(STREAM, 16));
  store<u64>(ACCUMULATOR, 0);
  store<u64>(ACCUMULATOR, 0, 8);
  store<u64>(ACCUMULATOR, 0, 16);
  store<u64>(ACCUMULATOR, 0, 24);
  store<u64>(ACCUMULATOR, 0, 32);
}

/** XORs the key stream onto PAYLOAD .. end, and onto up to 255 bytes beyond. begin() has made the first four blocks, one of which is used up. */
function encrypt(end: usize): void {
  for (let i: usize = 0; i < 192; i += 16) {
    v128.store(PAYLOAD + i, v128.xor(v128.load(PAYLOAD + i), v128.load(STREAM + 64 + i)));
  }
  for (let at: usize = PAYLOAD + 192; at < end; at += 256) {
    v128.store(ROWS, i32x4.add(v128.load(ROWS), i32x4.splat(4)));
    keyStream();
    for (let i: usize = 0; i < 256; i += 16) {
      v128.store(at + i, v128.xor(v128.load(at + i), v128.load(STREAM + i)));
    }
  }
}

/** RFC 8439 §2.8: Poly1305 over header and payload, both padded with zeros to whole blocks, and their lengths. */
function authenticate(headerLength: i32, payloadLength: i32): v128 {
  v128.store(HEADER + headerLength, i64x2.splat(0));
  absorb(HEADER, HEADER + headerLength);
  v128.store(PAYLOAD + payloadLength, i64x2.splat(0));
  absorb(PAYLOAD, PAYLOAD + payloadLength);
  store<u64>(LENGTHS, headerLength as u64);
  store<u64>(LENGTHS, payloadLength as u64, 8);
  absorb(LENGTHS, LENGTHS + 16);
  return tagOf();
}

/**
 * Poly1305 over the blocks that begin in from .. end: accumulator = (accumulator + block + 2^128) * r mod 2^130 - 5, in words of 32 bits that are kept in 64.
 *
 * 2^130 = 5, and r1, r2, r3 are multiples of 4: so 2^128 * r1 = 5/4 r1, which is q1, and the same for r2 and r3; what remains of r0 is multiplied
 * by the few bits above 2^128 only.
 *
 * Carries go one word up at once instead of rippling through all: the words h0 to h3 may be longer than 32 bits. Let S bound the words after the block
 * was added. r < 2^28, so a product sum is below 4.75 * 2^28 * S, what carries out of it below 0.32 * S, and S = 2^32 + 2^32 + 0.32 * S < 2.95 * 2^32. The sums
 * are then below 0.88 * 2^64: they fit. This makes the way from one block to the next about half as long.
 */
function absorb(from: usize, end: usize): void {
  const r0 = load<u64>(MULTIPLIER);
  const r1 = load<u64>(MULTIPLIER, 8);
  const r2 = load<u64>(MULTIPLIER, 16);
  const r3 = load<u64>(MULTIPLIER, 24);
  const q0 = (r0 >> 2) * 5;
  const q1 = r1 + (r1 >> 2);
  const q2 = r2 + (r2 >> 2);
  const q3 = r3 + (r3 >> 2);
  const low0 = r0 & 3;
  let h0 = load<u64>(ACCUMULATOR);
  let h1 = load<u64>(ACCUMULATOR, 8);
  let h2 = load<u64>(ACCUMULATOR, 16);
  let h3 = load<u64>(ACCUMULATOR, 24);
  let h4 = load<u64>(ACCUMULATOR, 32);
  for (let at = from; at < end; at += 16) {
    h0 += load<u32>(at) as u64;
    h1 += load<u32>(at, 4) as u64;
    h2 += load<u32>(at, 8) as u64;
    h3 += load<u32>(at, 12) as u64;
    h4 += 1;
    const p0 = h0 * r0 + h1 * q3 + h2 * q2 + h3 * q1 + h4 * q0;
    const p1 = h0 * r1 + h1 * r0 + h2 * q3 + h3 * q2 + h4 * q1;
    const p2 = h0 * r2 + h1 * r1 + h2 * r0 + h3 * q3 + h4 * q2;
    const p3 = h0 * r3 + h1 * r2 + h2 * r1 + h3 * r0 + h4 * q3;
    const top = (p3 >> 32) + h4 * low0;
    h0 = (p0 & 0xffff_ffff) + (top >> 2) * 5;
    h1 = (p1 & 0xffff_ffff) + (p0 >> 32);
    h2 = (p2 & 0xffff_ffff) + (p1 >> 32);
    h3 = (p3 & 0xffff_ffff) + (p2 >> 32);
    h4 = top & 3;
  }
  store<u64>(ACCUMULATOR, h0);
  store<u64>(ACCUMULATOR, h1, 8);
  store<u64>(ACCUMULATOR, h2, 16);
  store<u64>(ACCUMULATOR, h3, 24);
  store<u64>(ACCUMULATOR, h4, 32);
}

/** The accumulator, fully reduced, plus the second half of Poly1305's key, modulo 2^128. */
function tagOf(): v128 {
  // Twice round: what comes out at the top of the first round may make the lowest word overflow once more.
  let h0 = load<u64>(ACCUMULATOR);
  let h1 = load<u64>(ACCUMULATOR, 8) + (h0 >> 32);
  let h2 = load<u64>(ACCUMULATOR, 16) + (h1 >> 32);
  let h3 = load<u64>(ACCUMULATOR, 24) + (h2 >> 32);
  let h4 = load<u64>(ACCUMULATOR, 32) + (h3 >> 32);
  h0 = (h0 & 0xffff_ffff) + (h4 >> 2) * 5;
  h1 = (h1 & 0xffff_ffff) + (h0 >> 32);
  h2 = (h2 & 0xffff_ffff) + (h1 >> 32);
  h3 = (h3 & 0xffff_ffff) + (h2 >> 32);
  h4 = (h4 & 3) + (h3 >> 32);
  // Now below 2^130 + 2^128 or so, so 2^130 - 5 goes off once at most: exactly if adding 5 reaches 2^130.
  let carry = ((h0 & 0xffff_ffff) + 5) >> 32;
  carry = ((h1 & 0xffff_ffff) + carry) >> 32;
  carry = ((h2 & 0xffff_ffff) + carry) >> 32;
  carry = ((h3 & 0xffff_ffff) + carry) >> 32;
  carry = (h4 + carry) >> 2;
  // Subtracting 2^130 - 5 is adding 5, as what lies at 2^128 and above is dropped.
  const t0 = (h0 & 0xffff_ffff) + carry * 5 + (load<u32>(SUMMAND) as u64);
  const t1 = (h1 & 0xffff_ffff) + (load<u32>(SUMMAND, 4) as u64) + (t0 >> 32);
  const t2 = (h2 & 0xffff_ffff) + (load<u32>(SUMMAND, 8) as u64) + (t1 >> 32);
  const t3 = (h3 & 0xffff_ffff) + (load<u32>(SUMMAND, 12) as u64) + (t2 >> 32);
  const low = (t0 & 0xffff_ffff) | (t1 << 32);
  const high = (t2 & 0xffff_ffff) | (t3 << 32);
  return i64x2.replace_lane(i64x2.splat(low), 1, high);
}

/**
 * Four ChaCha20 blocks (RFC 8439 §2.3) into STREAM: each vector has the same word of all four, so a quarter round does four. The rounds
 * are written out because the state has to be in local variables, which the compiler can keep in registers.
 */
function keyStream(): void {
  let x0 = i32x4.splat(0x6170_7865);
  let x1 = i32x4.splat(0x3320_646e);
  let x2 = i32x4.splat(0x7962_2d32);
  let x3 = i32x4.splat(0x6b20_6574);
  let x4 = v128.load32_splat(KEY);
  let x5 = v128.load32_splat(KEY, 4);
  let x6 = v128.load32_splat(KEY, 8);
  let x7 = v128.load32_splat(KEY, 12);
  let x8 = v128.load32_splat(KEY, 16);
  let x9 = v128.load32_splat(KEY, 20);
  let x10 = v128.load32_splat(KEY, 24);
  let x11 = v128.load32_splat(KEY, 28);
  let x12 = v128.load(ROWS);
  let x13 = v128.load(ROWS, 16);
  let x14 = v128.load(ROWS, 32);
  let x15 = v128.load(ROWS, 48);
  for (let round = 0; round < 10; round++) {
    // Columns.
    x0 = i32x4.add(x0, x4);
    x1 = i32x4.add(x1, x5);
    x2 = i32x4.add(x2, x6);
    x3 = i32x4.add(x3, x7);
    x12 = rotate16(v128.xor(x12, x0));
    x13 = rotate16(v128.xor(x13, x1));
    x14 = rotate16(v128.xor(x14, x2));
    x15 = rotate16(v128.xor(x15, x3));
    x8 = i32x4.add(x8, x12);
    x9 = i32x4.add(x9, x13);
    x10 = i32x4.add(x10, x14);
    x11 = i32x4.add(x11, x15);
    x4 = rotate12(v128.xor(x4, x8));
    x5 = rotate12(v128.xor(x5, x9));
    x6 = rotate12(v128.xor(x6, x10));
    x7 = rotate12(v128.xor(x7, x11));
    x0 = i32x4.add(x0, x4);
    x1 = i32x4.add(x1, x5);
    x2 = i32x4.add(x2, x6);
    x3 = i32x4.add(x3, x7);
    x12 = rotate8(v128.xor(x12, x0));
    x13 = rotate8(v128.xor(x13, x1));
    x14 = rotate8(v128.xor(x14, x2));
    x15 = rotate8(v128.xor(x15, x3));
    x8 = i32x4.add(x8, x12);
    x9 = i32x4.add(x9, x13);
    x10 = i32x4.add(x10, x14);
    x11 = i32x4.add(x11, x15);
    x4 = rotate7(v128.xor(x4, x8));
    x5 = rotate7(v128.xor(x5, x9));
    x6 = rotate7(v128.xor(x6, x10));
    x7 = rotate7(v128.xor(x7, x11));
    // Diagonals.
    x0 = i32x4.add(x0, x5);
    x1 = i32x4.add(x1, x6);
    x2 = i32x4.add(x2, x7);
    x3 = i32x4.add(x3, x4);
    x15 = rotate16(v128.xor(x15, x0));
    x12 = rotate16(v128.xor(x12, x1));
    x13 = rotate16(v128.xor(x13, x2));
    x14 = rotate16(v128.xor(x14, x3));
    x10 = i32x4.add(x10, x15);
    x11 = i32x4.add(x11, x12);
    x8 = i32x4.add(x8, x13);
    x9 = i32x4.add(x9, x14);
    x5 = rotate12(v128.xor(x5, x10));
    x6 = rotate12(v128.xor(x6, x11));
    x7 = rotate12(v128.xor(x7, x8));
    x4 = rotate12(v128.xor(x4, x9));
    x0 = i32x4.add(x0, x5);
    x1 = i32x4.add(x1, x6);
    x2 = i32x4.add(x2, x7);
    x3 = i32x4.add(x3, x4);
    x15 = rotate8(v128.xor(x15, x0));
    x12 = rotate8(v128.xor(x12, x1));
    x13 = rotate8(v128.xor(x13, x2));
    x14 = rotate8(v128.xor(x14, x3));
    x10 = i32x4.add(x10, x15);
    x11 = i32x4.add(x11, x12);
    x8 = i32x4.add(x8, x13);
    x9 = i32x4.add(x9, x14);
    x5 = rotate7(v128.xor(x5, x10));
    x6 = rotate7(v128.xor(x6, x11));
    x7 = rotate7(v128.xor(x7, x8));
    x4 = rotate7(v128.xor(x4, x9));
  }
  x0 = i32x4.add(x0, i32x4.splat(0x6170_7865));
  x1 = i32x4.add(x1, i32x4.splat(0x3320_646e));
  x2 = i32x4.add(x2, i32x4.splat(0x7962_2d32));
  x3 = i32x4.add(x3, i32x4.splat(0x6b20_6574));
  storeTransposed(STREAM, x0, x1, x2, x3);
  x4 = i32x4.add(x4, v128.load32_splat(KEY));
  x5 = i32x4.add(x5, v128.load32_splat(KEY, 4));
  x6 = i32x4.add(x6, v128.load32_splat(KEY, 8));
  x7 = i32x4.add(x7, v128.load32_splat(KEY, 12));
  storeTransposed(STREAM + 16, x4, x5, x6, x7);
  x8 = i32x4.add(x8, v128.load32_splat(KEY, 16));
  x9 = i32x4.add(x9, v128.load32_splat(KEY, 20));
  x10 = i32x4.add(x10, v128.load32_splat(KEY, 24));
  x11 = i32x4.add(x11, v128.load32_splat(KEY, 28));
  storeTransposed(STREAM + 32, x8, x9, x10, x11);
  x12 = i32x4.add(x12, v128.load(ROWS));
  x13 = i32x4.add(x13, v128.load(ROWS, 16));
  x14 = i32x4.add(x14, v128.load(ROWS, 32));
  x15 = i32x4.add(x15, v128.load(ROWS, 48));
  storeTransposed(STREAM + 48, x12, x13, x14, x15);
}

/** Four words of each of four blocks: lane i of the vectors goes to block i. */
function storeTransposed(to: usize, a: v128, b: v128, c: v128, d: v128): void {
  const lowAb = interleaveLow(a, b);
  const lowCd = interleaveLow(c, d);
  const highAb = interleaveHigh(a, b);
  const highCd = interleaveHigh(c, d);
  v128.store(to, joinLow(lowAb, lowCd));
  v128.store(to, joinHigh(lowAb, lowCd), 64);
  v128.store(to, joinLow(highAb, highCd), 128);
  v128.store(to, joinHigh(highAb, highCd), 192);
}

function rotate16(x: v128): v128 {
  return v128.or(i32x4.shl(x, 16), i32x4.shr_u(x, 16));
}

function rotate12(x: v128): v128 {
  return v128.or(i32x4.shl(x, 12), i32x4.shr_u(x, 20));
}

function rotate8(x: v128): v128 {
  return v128.or(i32x4.shl(x, 8), i32x4.shr_u(x, 24));
}

function rotate7(x: v128): v128 {
  return v128.or(i32x4.shl(x, 7), i32x4.shr_u(x, 25));
}

/** a0 b0 a1 b1 */
function interleaveLow(a: v128, b: v128): v128 {
  return i32x4.shuffle(a, b, 0, 4, 1, 5);
}

/** a2 b2 a3 b3 */
function interleaveHigh(a: v128, b: v128): v128 {
  return i32x4.shuffle(a, b, 2, 6, 3, 7);
}

/** The low halves of a and b. */
function joinLow(a: v128, b: v128): v128 {
  return i64x2.shuffle(a, b, 0, 2);
}

/** The high halves of a and b. */
function joinHigh(a: v128, b: v128): v128 {
  return i64x2.shuffle(a, b, 1, 3);
}
