// BPF objects in the kernel, written as `prog 7`, `map 3`, `link 5`.
import { execFile } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { promisify } from 'node:util';

const run = promisify(execFile);

// Those which `pid` has open.
export function bpfObjectsOf(pid) {
  const directory = `/proc/${pid}/fdinfo`;
  const objects = readdirSync(directory).flatMap((fd) => {
    const info = readIfThere(`${directory}/${fd}`);
    return [...info.matchAll(/^(prog|map|link)_id:\s+(\d+)$/gm)];
  });
  return new Set(objects.map(([, kind, id]) => `${kind} ${id}`));
}

// A descriptor may be closed between the listing and the look.
function readIfThere(path) {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if (error.code === 'ENOENT') return '';
    throw error;
  }
}

// All that exist.
export async function bpfObjects() {
  const ids = async (kind) => {
    const { stdout } = await run('bpftool', ['-j', kind, 'show'], { maxBuffer: 64 << 20 });
    return JSON.parse(stdout).map(({ id }) => `${kind} ${id}`);
  };
  return new Set((await Promise.all(['prog', 'map', 'link'].map(ids))).flat());
}
