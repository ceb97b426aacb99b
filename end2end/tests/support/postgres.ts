// A PostgreSQL of a journey's own, reached by a socket in its folder.
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const START_WITHIN_MS = 20_000;

/** PostgreSQL does not run as root: then it is nobody's. */
function asNobody(command: string, ...args: string[]): [string, string[]] {
  if (process.getuid?.() !== 0) return [command, args];
  return ['setpriv', ['--reuid=65534', '--regid=65534', '--clear-groups', command, ...args]];
}

function bin(): string {
  const versions = '/usr/lib/postgresql';
  const newest = existsSync(versions) ? readdirSync(versions).sort((one, other) => Number(one) - Number(other)).at(-1) : undefined;
  if (newest === undefined) throw new Error("PostgreSQL is missing: install Debian's postgresql, or run scripts/install.sh journeys");
  return join(versions, newest, 'bin');
}

export class Postgres {
  readonly url: string;

  private constructor(private readonly folder: string, private readonly process: ChildProcess) {
    this.url = `postgres://orderly@localhost/postgres?host=${encodeURIComponent(folder)}`;
  }

  static async open(): Promise<Postgres> {
    const folder = mkdtempSync(join(tmpdir(), 'postgres-'));
    chmodSync(folder, 0o777);
    const data = join(folder, 'data');
    execFileSync(...asNobody(join(bin(), 'initdb'), '-D', data, '-U', 'orderly', '-A', 'trust', '-E', 'UTF8', '--locale=C.UTF-8', '-N'), { stdio: 'ignore' });
    const settings = ['-c', 'listen_addresses=', '-c', `unix_socket_directories=${folder}`, '-c', 'fsync=off', '-c', 'max_connections=100'];
    const server = spawn(...asNobody(join(bin(), 'postgres'), '-D', data, ...settings), { stdio: 'ignore' });
    const deadline = Date.now() + START_WITHIN_MS;
    for (;;) {
      try {
        execFileSync(join(bin(), 'psql'), ['-h', folder, '-U', 'orderly', '-c', 'select 1', 'postgres'], { stdio: 'ignore' });
        return new Postgres(folder, server);
      } catch (error) {
        if (server.exitCode !== null || Date.now() > deadline) throw error;
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
    }
  }

  /** Stops all its processes where they are: connections stay and nothing is answered. */
  pause(): void {
    this.signal('SIGSTOP');
  }

  resume(): void {
    this.signal('SIGCONT');
  }

  /** To the server and the processes of its connections. */
  private signal(signal: 'SIGSTOP' | 'SIGCONT'): void {
    const { pid } = this.process;
    if (pid === undefined) throw new Error('PostgreSQL does not run');
    const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ').filter(Boolean).map(Number);
    for (const one of [pid, ...children]) process.kill(one, signal);
  }

  async close(): Promise<void> {
    const ended = once(this.process, 'exit');
    this.process.kill('SIGINT');
    await ended;
    rmSync(this.folder, { recursive: true, force: true });
  }
}
