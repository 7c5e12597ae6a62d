// nginx as it stands between clients and a server.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { diesWithUs } from './exit.mjs';
import { freePort } from './ports.mjs';
import { until } from './wait.mjs';
import { temporaryDirectory } from './wsbpf.mjs';

const TEMPORARY = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'];

// `locations`: what each path's location holds. Resolves to its port, when it listens.
export async function startNginx(t, locations) {
  const directory = temporaryDirectory();
  const port = await freePort();
  for (const name of TEMPORARY) mkdirSync(join(directory, name));
  const paths = Object.entries(locations).map(
    ([path, lines]) => `location = ${path} { ${lines.map((line) => `${line};`).join(' ')} }`,
  );
  const file = join(directory, 'nginx.conf');
  writeFileSync(
    file,
    `daemon off;
    master_process off;
    pid ${join(directory, 'pid')};
    error_log ${join(directory, 'log')} crit;
    events {}
    http {
      access_log off;
      ${TEMPORARY.map((name) => `${name}_temp_path ${join(directory, name)};`).join('\n')}
      server {
        listen 127.0.0.1:${port};
        ${paths.join('\n')}
      }
    }`,
  );
  const nginx = ['nginx', '-p', directory, '-e', join(directory, 'log'), '-c', file];
  const [command, ...args] = [...diesWithUs('KILL'), ...nginx];
  const child = spawn(command, args, { stdio: ['ignore', 2, 2] });
  const exited = once(child, 'exit');
  t.after(async () => {
    child.kill('SIGKILL');
    await exited;
  });
  await until(async () => {
    const socket = connect(port, '127.0.0.1');
    try {
      await once(socket, 'connect');
    } finally {
      socket.destroy();
    }
  });
  return port;
}
