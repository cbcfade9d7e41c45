import http from 'node:http';
import { startConsul } from '../../kit/servers/consul-server.js';
const server = await startConsul();
const agent = new http.Agent({ keepAlive: true, maxSockets: 32 });
const u = new URL(server.address);
function req(method: string, path: string, body?: string): Promise<{ h: http.IncomingHttpHeaders; b: Buffer }> {
  return new Promise((res, rej) => {
    const r = http.request({ agent, host: u.hostname, port: u.port, method, path, headers: body ? { 'content-length': Buffer.byteLength(body) } : {} }, (m) => {
      const c: Buffer[] = []; m.on('data', (d) => c.push(d)); m.on('end', () => res({ h: m.headers, b: Buffer.concat(c) }));
    });
    r.on('error', rej); r.end(body);
  });
}
const N = 100_000;
const v = Buffer.alloc(200, 'x').toString('base64');
const flat = (i: number) => `config/entry-${String(i).padStart(5, '0')}`;
for (let i = 0; i < N; i += 64) {
  const ops = [];
  for (let j = i; j < Math.min(N, i + 64); j++) ops.push({ KV: { Verb: 'set', Key: flat(j), Value: v } });
  await req('PUT', '/v1/txn', JSON.stringify(ops));
}
const cpu0 = () => { const c = process.cpuUsage(); return (c.user + c.system) / 1000; };
async function serverCpu() { const fs = await import('node:fs'); const s = fs.readFileSync(`/proc/${String((server as any).pid)}/stat`, 'utf8').split(') ')[1]!.split(' '); return (Number(s[11]) + Number(s[12])) * 10; }
async function m(name: string, n: number, f: () => Promise<number>) {
  await f(); await f();
  const t = performance.now(), c = cpu0(), s = await serverCpu(); let bytes = 0;
  const lat: number[] = [];
  for (let i = 0; i < n; i++) { const a = performance.now(); bytes += await f(); lat.push(performance.now() - a); }
  lat.sort((a, b) => a - b);
  console.log(name.padEnd(40), 'ms', ((performance.now() - t) / n).toFixed(2), 'p50', lat[n >> 1]!.toFixed(2), 'clientCpu', ((cpu0() - c) / n).toFixed(2), 'serverCpu', ((await serverCpu() - s) / n).toFixed(2), 'KB', (bytes / n / 1000).toFixed(1));
}
const g = (p: string, parse = false) => async () => { const { b } = await req('GET', p); if (parse) JSON.parse(b.toString('utf8')); return b.length; };
await m('tiny keys&sep whole', 200, g('/v1/kv/config?keys&separator=/'));
await m('keys 100', 300, g('/v1/kv/config/entry-012?keys', true));
await m('keys 1000', 200, g('/v1/kv/config/entry-01?keys', true));
await m('keys 10000', 50, g('/v1/kv/config/entry-0?keys', true));
await m('keys 100000', 10, g('/v1/kv/config/?keys', true));
await m('recurse 100', 300, g('/v1/kv/config/entry-012?recurse', true));
await m('recurse 1000', 100, g('/v1/kv/config/entry-01?recurse', true));
await m('recurse 10000', 20, g('/v1/kv/config/entry-0?recurse', true));
await m('recurse 100000', 5, g('/v1/kv/config/?recurse', true));
await m('10 x keys 100 parallel', 100, async () => (await Promise.all(Array.from({ length: 10 }, (_, i) => g(`/v1/kv/config/entry-01${i}?keys`, true)()))).reduce((a, b) => a + b));
await m('10 x keys 1000 parallel', 50, async () => (await Promise.all(Array.from({ length: 10 }, (_, i) => g(`/v1/kv/config/entry-0${i}?keys`, true)()))).reduce((a, b) => a + b));
await m('16 x tiny parallel', 100, async () => (await Promise.all(Array.from({ length: 16 }, () => g(`/v1/kv/config?keys&separator=/`, true)()))).reduce((a, b) => a + b));
const idx = new Map<string, number>(); for (const e of JSON.parse((await req('GET', '/v1/kv/config/entry-01?recurse')).b.toString()) as any[]) idx.set(e.Key, e.ModifyIndex);
const keys = [...idx.keys()];
const check = async (ks: string[]) => { const { b } = await req('PUT', '/v1/txn', JSON.stringify(ks.map((k) => ({ KV: { Verb: 'check-index', Key: k, Index: idx.get(k) } })))); JSON.parse(b.toString()); return b.length + ks.length * 80; };
await m('check-index 64', 200, () => check(keys.slice(0, 64)));
await m('check-index 1000, 4 ahead', 50, async () => { let sum = 0; for (let i = 0; i < 1000; i += 256) sum += (await Promise.all([0, 64, 128, 192].map((o) => keys.slice(i + o, Math.min(i + o + 64, 1000))).filter((k) => k.length).map(check))).reduce((a, b) => a + b); return sum; });
await m('get key', 300, g('/v1/kv/config/entry-01234'));
agent.destroy(); await server.dispose();
