import type { Problem } from './types.js';

/** Where a client calls, and how. */
export interface ClientConfig {
  /** The address of the door, as `https://HOST/kustomer/v1`. */
  baseUrl?: string;
  /** A key, or what returns one. */
  auth: string | (() => string | Promise<string>);
  /** In place of the global `fetch`. */
  fetch?: typeof globalThis.fetch;
  /** Whether calls reject where they are refused; true when left out. Each call may say otherwise. */
  throwOnError?: boolean;
}

/** A client of the door. */
export interface KustomerClient {
  getConfig(): Readonly<ClientConfig>;
  setConfig(changes: Partial<ClientConfig>): Readonly<ClientConfig>;
}

/** Makes a client. */
export function createKustomerClient(config: ClientConfig): KustomerClient {
  let current = { ...config };
  return {
    getConfig: () => current,
    setConfig: (changes) => (current = { ...current, ...changes }),
  };
}

/** The server refused a request, or could not be reached. `code` and `status` are those of the first problem. */
export class KustomerClientError extends Error {
  readonly code: string;
  readonly status: number;
  readonly errors: readonly Problem[];
  constructor(message: string, code: string, status: number, errors: readonly Problem[], options?: ErrorOptions) {
    super(message, options);
    this.name = 'KustomerClientError';
    this.code = code;
    this.status = status;
    this.errors = errors;
  }
}

/** What came of a request: data or an error, and the response where there was one. */
export type Outcome<T> =
  | { data: T; error: undefined; response: Response }
  | { data: undefined; error: KustomerClientError; response: Response | undefined };

/** Makes a request once: what is recorded without an `externalId` could be there twice if it were repeated. */
export async function request<T>(client: KustomerClient, method: string, path: string, body: unknown): Promise<Outcome<T>> {
  const config = client.getConfig();
  if (config.baseUrl === undefined) throw new TypeError('the client has no baseUrl, such as https://HOST/kustomer/v1');
  let response: Response | undefined;
  try {
    const key = typeof config.auth === 'function' ? await config.auth() : config.auth;
    const headers = { Authorization: `Bearer ${key}`, Accept: 'application/json', 'Content-Type': 'application/json' };
    response = await (config.fetch ?? globalThis.fetch)(config.baseUrl.replace(/\/+$/, '') + path, { method, headers, body: JSON.stringify(body), redirect: 'error' });
    const answer = JSON.parse(await response.text());
    if (response.ok) return { data: answer as T, error: undefined, response };
    return { data: undefined, error: refusal(response, answer), response };
  } catch (cause) {
    const said = response === undefined ? String(cause) : `the server answered ${response.status} with something that is no JSON`;
    return { data: undefined, error: new KustomerClientError(`${method} ${path}: ${said}`, 'connection', response?.status ?? 0, [], { cause }), response };
  }
}

function refusal(response: Response, answer: any): KustomerClientError {
  const errors: Problem[] = Array.isArray(answer?.errors) ? answer.errors : [];
  const first = errors[0];
  if (first === undefined) return new KustomerClientError(`the server answered ${response.status}`, 'unknown', response.status, []);
  return new KustomerClientError(errors.map((e) => e.title).join(', '), first.code, first.status, errors);
}
