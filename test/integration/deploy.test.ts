// deploy/ and examples/compose: what they say fits what the server does. The three nodes run here as processes, with
// the configuration and the variables that the containers would get, and one Redis.

import { execFileSync } from 'node:child_process';
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { parse, parseAllDocuments } from 'yaml';
import { z } from 'zod';
import { loadConfig } from '../../shared/config/load.ts';
import { readRootFile, ROOT } from '../house/source-files.ts';
import { call } from '../support/http-call.ts';
import { RedisServer } from '../support/redis-server.ts';
import { endAll, runCli, startServer, temporaryFolder } from '../support/spawn-server.ts';

/** As `openssl rand -hex 32` makes them. */
const SECRET = '5ec2e7'.repeat(8);

afterAll(endAll);

const environment = z.record(z.string(), z.string());
const composeFile = z.object({
  services: z.record(
    z.string(),
    z.object({
      environment: environment.optional(),
      volumes: z.array(z.string()).optional(),
      stop_grace_period: z.string().optional(),
      depends_on: z.array(z.string()).optional(),
    }),
  ),
});

test('examples/compose: three nodes that share a Redis are one service', async () => {
  const compose = composeFile.parse(
    parse(readRootFile('examples/compose/compose.yaml'), { merge: true }),
  );
  const { redis: redisService, ...nodes } = compose.services;
  expect(redisService).toBeDefined();
  expect(Object.keys(nodes)).toHaveLength(3);

  const redis = await RedisServer.start();
  const file = join(temporaryFolder(), 'sterna.yaml');
  const written = readRootFile('examples/compose/nodes.yaml');
  expect(written).toContain('redis://127.0.0.1:6379');
  writeFileSync(file, written.replace('redis://127.0.0.1:6379', redis.url));
  const { drain } = z.object({ drain: z.object({ timeout: z.number() }) }).parse(parse(written));

  const variables = Object.values(nodes).map(({ environment: given, ...node }) => {
    expect(Number.parseInt(node.stop_grace_period ?? '', 10)).toBeGreaterThan(drain.timeout);
    expect(node.volumes).toEqual([`./nodes.yaml:${given?.['STERNA_CONFIG']}:ro`]);
    return Object.fromEntries(
      Object.entries(given ?? {}).map(([name, value]) => [
        name,
        value.replace(/\$\{SECRET:\?[^}]*\}/, SECRET),
      ]),
    );
  });
  // On one machine, so no port is there twice.
  for (const name of ['GATEWAY_PORT', 'SFU_PORT', 'SFU_TCP_PORT', 'TURN_LISTENERS']) {
    expect(new Set(variables.map((given) => given[`STERNA_${name}`])).size, name).toBe(3);
  }

  const elsewhere = {
    STERNA_CONFIG: file,
    STERNA_GATEWAY_PORT: '0',
    STERNA_SFU_PORT: '0',
    STERNA_SFU_TCP_PORT: '0',
    STERNA_TURN_LISTENERS: 'udp://127.0.0.1:0',
  };
  const servers = await Promise.all(
    variables.map((given) => startServer([], { ...given, ...elsewhere })),
  );
  try {
    const [first, , third] = servers;
    const headers = { authorization: `Bearer mykey:${SECRET}`, 'content-type': 'application/json' };
    const made = await call(first!.port, 'POST', '/v1/rooms', headers, '{"name":"demo"}');
    expect(made.status).toBe(201);
    const listed = await call(third!.port, 'GET', '/v1/rooms', headers);
    expect(listed.body).toContain('"name":"demo"');
    const token = await runCli(['token', '--room', 'demo', '--identity', 'ann'], {
      ...variables[0],
      STERNA_CONFIG: file,
    });
    expect(token.code).toBe(0);
  } finally {
    for (const server of servers) server.kill('SIGKILL');
    await Promise.all(servers.map((server) => server.ended));
    await redis.kill();
  }
});

const probe = z.object({ httpGet: z.object({ path: z.string(), port: z.literal('http') }) });
const deployment = z.object({
  kind: z.literal('Deployment'),
  spec: z.object({
    template: z.object({
      spec: z.object({
        hostNetwork: z.literal(true),
        terminationGracePeriodSeconds: z.number(),
        containers: z.tuple([
          z.object({
            ports: z.array(z.object({ containerPort: z.number(), hostPort: z.number() })),
            env: z.array(z.object({ name: z.string(), value: z.string().optional() })),
            livenessProbe: probe,
            readinessProbe: probe,
          }),
        ]),
      }),
    }),
  }),
});
const configMap = z.object({
  kind: z.literal('ConfigMap'),
  data: z.object({ 'sterna.yaml': z.string() }),
});

test('deploy/kubernetes: the configuration loads, and the pod has time to drain', () => {
  const documents = parseAllDocuments(readRootFile('deploy/kubernetes/deployment.yaml'));
  expect(documents.flatMap(({ errors }) => errors)).toEqual([]);
  const map = configMap.parse(documents[0]?.toJS());
  const pod = deployment.parse(documents[1]?.toJS()).spec.template.spec;
  const [container] = pod.containers;
  expect(container.livenessProbe.httpGet.path).toBe('/healthz');
  expect(container.readinessProbe.httpGet.path).toBe('/readyz');

  const file = join(temporaryFolder(), 'sterna.yaml');
  writeFileSync(file, map.data['sterna.yaml']);
  const secrets = { STERNA_KEYS: `mykey=${SECRET}`, STERNA_TURN_SECRETS: SECRET };
  const plain = container.env.flatMap(({ name, value }) =>
    value === undefined || !name.startsWith('STERNA_') ? [] : [[name, value] as const],
  );
  const given = Object.fromEntries(
    plain.map(([name, value]) => [name, value.replaceAll('$(HOST_IP)', '192.0.2.10')]),
  );
  const config = loadConfig({
    environment: { ...given, ...secrets, STERNA_CONFIG: file },
    ipv6Loopback: true,
  });
  expect(config.warnings).toEqual([]);
  expect(pod.terminationGracePeriodSeconds).toBeGreaterThan(config.drain.timeout);
  expect(config.turn.listeners).toEqual(['udp://192.0.2.10:3478']);
  const ports = container.ports.map(({ containerPort }) => containerPort);
  expect(ports).toEqual([config.gateway.port, config.sfu.tcpPort, config.sfu.port, 3478]);
});

test('deploy/systemd: the unit is one, and stops later than it drains', () => {
  const path = 'deploy/systemd/sterna.service';
  const unit = readRootFile(path);
  const value = (name: string): string => new RegExp(`^${name}=(.*)$`, 'm').exec(unit)?.[1] ?? '';
  // The example of docs/deployment.md drains for 300 s at most.
  expect(Number(value('TimeoutStopSec'))).toBeGreaterThan(300);
  expect(value('KillSignal')).toBe('SIGTERM');
  expect(Number(value('LimitNOFILE'))).toBeGreaterThan(16_304);
  expect(value('ExecStart')).toBe('/usr/bin/env sterna serve --config /etc/sterna/sterna.yaml');
  for (const name of ['NoNewPrivileges', 'PrivateTmp', 'ProtectHome', 'RestrictNamespaces']) {
    expect(value(name), name).toBe('yes');
  }
  // Where systemd is installed it judges the unit itself.
  if (!existsSync('/usr/bin/systemd-analyze')) return;
  const said = execFileSync('systemd-analyze', ['verify', '--man=no', join(ROOT, path)], {
    encoding: 'utf8',
    stdio: 'pipe',
  });
  expect(said).toBe('');
});
