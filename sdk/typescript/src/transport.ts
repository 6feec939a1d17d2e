import { ConnectionError, type Refusal, refused } from './errors.js';
import type { Form } from './form.js';

/** How a client waits and tries again. */
export interface RetryOptions {
  /** How many times a request is made at most. */
  attempts: number;
  /** The longest wait before another attempt, in milliseconds. */
  longest: number;
}

export interface Answer {
  reply: any;
  headers: Headers;
}

/** Makes requests, and repeats those that may be repeated. */
export class Transport {
  credential: string | undefined;
  /** Is told of an answer that the credential does not work, or no more. */
  onUnauthorized: ((error: Error) => void) | undefined;
  constructor(
    readonly base: string,
    readonly retry: RetryOptions,
    readonly timeout: number,
    private readonly fetch: typeof globalThis.fetch,
  ) {}

  /** `again` says that a repeat is safe: the request changes nothing, or has an id that sends it once. */
  async call(method: string, path: string, options: { body?: unknown; form?: Form; organization?: string; again: boolean; onRetry?: () => void }): Promise<Answer> {
    for (let attempt = 1; ; attempt++) {
      const last = attempt >= this.retry.attempts;
      let response: Response, text: string;
      try {
        response = await this.once(method, path, options);
        text = await response.text(); // the connection may be lost before all of it is there
      } catch (error) {
        if (last || !options.again) {
          throw new ConnectionError(`${method} ${this.base}${path} failed: ${String(error)}`, { cause: error });
        }
        options.onRetry?.();
        await pause(Math.min(this.retry.longest, 200 * 2 ** (attempt - 1)));
        continue;
      }
      if (!last && (response.status === 429 || (response.status === 503 && options.again))) {
        options.onRetry?.();
        await pause(Math.min(this.retry.longest, 1000 * Number(response.headers.get('Retry-After') ?? 1)));
        continue;
      }
      return this.read(response, text);
    }
  }

  private read(response: Response, text: string): Answer {
    try {
      return read(response, text);
    } catch (error) {
      if (response.status === 401) this.onUnauthorized?.(error as Error);
      throw error;
    }
  }

  /** A stream of events, which goes on until it is ended. */
  async stream(path: string, options: { organization: string; features: string[]; signal: AbortSignal }): Promise<ReadableStream<Uint8Array>> {
    const headers: Record<string, string> = { Accept: 'text/event-stream', 'TT-X-Organization-Key': options.organization, 'TT-X-Features': options.features.join(',') };
    if (this.credential !== undefined) headers['Authorization'] = `Basic ${this.credential}`;
    const response = await this.fetch(this.base + path, { headers, redirect: 'error', signal: options.signal });
    if (!response.ok || response.body === null) {
      this.read(response, await response.text());
      throw new ConnectionError('the server answered with no stream');
    }
    return response.body;
  }

  private once(method: string, path: string, options: { body?: unknown; form?: Form; organization?: string }): Promise<Response> {
    const headers: Record<string, string> = { Accept: 'application/json' };
    if (this.credential !== undefined) headers['Authorization'] = `Basic ${this.credential}`;
    if (options.organization !== undefined) headers['TT-X-Organization-Key'] = options.organization;
    const init: RequestInit = { method, headers, redirect: 'error', signal: AbortSignal.timeout(this.timeout) };
    if (options.form !== undefined) {
      headers['Content-Type'] = options.form.type;
      init.body = options.form.content;
    } else if (options.body !== undefined) {
      headers['Content-Type'] = 'application/json';
      init.body = JSON.stringify(options.body);
    }
    return this.fetch(this.base + path, init);
  }
}

function read(response: Response, text: string): Answer {
  let body: any;
  try {
    body = text === '' ? {} : JSON.parse(text);
  } catch {
    throw new ConnectionError(`the server answered ${response.status} with something that is no JSON`);
  }
  if (response.ok) return { reply: body.reply, headers: response.headers };
  const refusal: Refusal = body.error ?? { code: 'unknown', message: `the server answered ${response.status}`, status: response.status };
  throw refused(refusal);
}

function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}
