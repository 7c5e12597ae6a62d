// What must not outlive this process.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.once(signal, () => process.exit(1));

// Runs `clean` when this process ends, after a failure or a signal, too.
export function atExit(clean) {
  process.once('exit', clean);
}

// A command line prefix: the child gets `signal` when this process dies, even of SIGKILL.
export function diesWithUs(signal) {
  return ['setpriv', '--pdeathsig', signal];
}
