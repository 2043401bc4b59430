import { exchange, LINKS } from '@mquictt/testkit';
const names = (process.argv[2] ?? 'clean').split(',') as (keyof typeof LINKS)[];
const mb = Number(process.argv[3] ?? 1);
for (const name of names) {
  const t = performance.now();
  try {
    const r = exchange({
      seed: Number(process.env.SEED ?? 1),
      scenario: name,
      link: LINKS[name],
      up: mb * 1e6,
      down: mb * 1e6,
      limitMs: 600_000,
      transport: { handshakeTimeout: 60_000, maxIdleTimeout: 60_000 },
    });
    console.log(
      name,
      'virtual',
      r.elapsedMs.toFixed(0),
      'connected',
      r.connectedMs.toFixed(0),
      'real',
      (performance.now() - t).toFixed(0),
      r.logHash,
    );
    console.log('  c', JSON.stringify(r.client.stats()));
    console.log('  s', JSON.stringify(r.server.stats()));
    console.log(
      '  up',
      JSON.stringify(r.pair.up.stats),
      'down',
      JSON.stringify(r.pair.down.stats),
      'turns',
      r.pair.client.turnCount,
      r.pair.server.turnCount,
    );
  } catch (e) {
    console.log(
      name,
      'FAILED after',
      (performance.now() - t).toFixed(0),
      (e as Error).message,
      (e as any).cause?.stack ?? '',
    );
  }
}
