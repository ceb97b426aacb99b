// Other people's browsers, as far as the server sees them: a WebSocket each, with the five packets of MQTT that our pages speak.
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';

/** What a page of the store listens to. */
const topics = (store: string) => ['status', 'menu', 'board'].map((what) => `v1/stores/${store}/${what}`);

function text(words: string): Buffer {
  const bytes = Buffer.from(words);
  return Buffer.concat([Buffer.from([bytes.length >> 8, bytes.length & 255]), bytes]);
}

/** A packet of MQTT 3.1.1 that is shorter than 128 bytes. */
function packet(kind: number, body: Buffer): Buffer {
  return Buffer.concat([Buffer.from([kind, body.length]), body]);
}

/** A binary frame, masked with nothing: that is as good as any other mask. */
function frame(payload: Buffer): Buffer {
  return Buffer.concat([Buffer.from([0x82, 0x80 | payload.length, 0, 0, 0, 0]), payload]);
}

export class Browsers {
  /** Bytes that all of them were told. */
  heard = 0;
  private readonly sockets: Socket[] = [];

  /** So many browsers with a page of the store open; resolves when each has been told how things are. */
  static async open(url: string, store: string, count: number): Promise<Browsers> {
    const browsers = new Browsers();
    for (let begun = 0; begun < count; begun += 50) {
      await Promise.all(Array.from({ length: Math.min(50, count - begun) }, () => browsers.come(new URL(url), store)));
    }
    return browsers;
  }

  get connected(): number {
    return this.sockets.filter((socket) => !socket.destroyed && socket.readyState === 'open').length;
  }

  private async come({ hostname, port, host, origin }: URL, store: string): Promise<void> {
    const socket = connect(Number(port), hostname);
    this.sockets.push(socket);
    await once(socket, 'connect');
    const head = [
      'GET /mqtt HTTP/1.1',
      `Host: ${host}`,
      `Origin: ${origin}`,
      'Upgrade: websocket',
      'Connection: Upgrade',
      'Sec-WebSocket-Version: 13',
      'Sec-WebSocket-Protocol: mqtt',
      `Sec-WebSocket-Key: ${randomBytes(16).toString('base64')}`,
    ];
    socket.write(`${head.join('\r\n')}\r\n\r\n`);
    const [answer] = (await once(socket, 'data')) as [Buffer];
    if (!answer.toString('latin1').startsWith('HTTP/1.1 101')) throw new Error(`no WebSocket: ${answer.toString('latin1')}`);
    // No keep-alive: they are here as long as the measurement.
    socket.write(frame(packet(0x10, Buffer.concat([text('MQTT'), Buffer.from([4, 2, 0, 0]), text('')]))));
    await once(socket, 'data');
    const wanted = topics(store).map((topic) => frame(packet(0x82, Buffer.concat([Buffer.from([0, 1]), text(topic), Buffer.from([0])]))));
    socket.on('data', (bytes) => (this.heard += bytes.length));
    for (const bytes of wanted) socket.write(bytes);
    await once(socket, 'data');
  }

  close(): void {
    for (const socket of this.sockets) socket.destroy();
  }
}
