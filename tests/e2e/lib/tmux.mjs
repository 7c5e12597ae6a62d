// A terminal with a person at it: a tmux server of a test's own, which runs a shell.
import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { readFileSync, readdirSync } from 'node:fs';
import { atExit } from './exit.mjs';
import { until } from './wait.mjs';
import { environment } from './wsbpf.mjs';

const PROMPT = 'ready> ';

const open = new Set();
atExit(() => open.forEach((terminal) => terminal.end()));

// A terminal of this size for the test `t`, gone after it, with `env` beside the usual environment.
export async function startTerminal(t, { width = 80, height = 24, env = {} } = {}) {
  const terminal = new Terminal(width, height, env);
  t.after(() => terminal.end());
  await until(() => terminal.isAtPrompt());
  return terminal;
}

class Terminal {
  #name = `wsbpf-${process.pid}-${randomBytes(4).toString('hex')}`;
  #env;

  constructor(width, height, env) {
    open.add(this);
    const inherited = environment({ TERM: 'screen-256color', PS1: PROMPT, ...env });
    delete inherited.TMUX;
    if (!('NO_COLOR' in env)) delete inherited.NO_COLOR;
    this.#env = inherited;
    // A TERM for the shell other than tmux's own is set inside.
    const shell = ['env', `TERM=${inherited.TERM}`, 'sh'];
    this.#tmux('new-session', '-d', '-x', width, '-y', height, ...shell);
  }

  #tmux(...args) {
    const [file, ...rest] = ['tmux', '-L', this.#name, '-f', '/dev/null', ...args.map(String)];
    return execFileSync(file, rest, { env: this.#env, encoding: 'utf8', stdio: 'pipe' });
  }

  // Keys by tmux's names, such as Enter, PPage, C-u; other text as it is.
  keys(...names) {
    this.#tmux('send-keys', ...names);
  }

  // Characters as they are.
  type(text) {
    this.#tmux('send-keys', '-l', text);
  }

  // As a terminal pastes, in brackets if the program asked for them.
  paste(text) {
    execFileSync('tmux', ['-L', this.#name, 'load-buffer', '-'], { env: this.#env, input: text });
    this.#tmux('paste-buffer', '-p');
  }

  // A press of the mouse button (64, 65: the wheel) in the form of xterm's mode 1006; places are
  // counted from 0.
  mouse(x, y, button = 0) {
    this.type(`\x1b[<${button};${x + 1};${y + 1}M\x1b[<${button};${x + 1};${y + 1}m`);
  }

  resize(width, height) {
    this.#tmux('resize-window', '-x', width, '-y', height);
  }

  screen() {
    return this.#tmux('capture-pane', '-p');
  }

  // With the escape sequences of colours and the like.
  coloredScreen() {
    return this.#tmux('capture-pane', '-p', '-e');
  }

  lines() {
    return this.screen().split('\n');
  }

  isAtPrompt() {
    return this.screen().trimEnd().endsWith(PROMPT.trimEnd());
  }

  // Waits until the screen has all of `parts`, text or regular expressions, and returns it.
  shows(...parts) {
    return until(() => {
      const screen = this.screen();
      for (const part of parts) {
        const found = part instanceof RegExp ? part.test(screen) : screen.includes(part);
        if (!found) throw new Error(`no ${part} in:\n${screen}`);
      }
      return screen;
    });
  }

  // Where `text` begins on the screen: { x, y }.
  placeOf(text) {
    const lines = this.lines();
    const y = lines.findIndex((line) => line.includes(text));
    return { x: lines[y].indexOf(text), y };
  }

  // The shell's child that runs in the foreground.
  programPid() {
    const shell = this.#tmux('list-panes', '-F', '#{pane_pid}').trim();
    return readdirSync('/proc')
      .filter((name) => /^\d+$/.test(name))
      .find((pid) => parentOf(pid) === shell);
  }

  end() {
    if (!open.delete(this)) return;
    try {
      this.#tmux('kill-server');
    } catch {
      // its shell has ended it
    }
  }
}

function parentOf(pid) {
  try {
    return readFileSync(`/proc/${pid}/status`, 'utf8').match(/^PPid:\s*(\d+)/m)[1];
  } catch {
    return null; // it has gone meanwhile
  }
}
