import type { Message } from './models.js';

/** What every error of this package is. `code` is for programs. */
export class ParleyError extends Error {
  readonly code: string;
  /** The message that was not sent: `messages.retrySend` tries again. */
  unsent?: Message;
  constructor(code: string, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = new.target.name;
    this.code = code;
  }
}

/** An argument is not one that can be sent: nothing was requested. */
export class ArgumentError extends ParleyError {
  static readonly code = 'invalid-argument';
  /** The argument or option that is wrong. */
  readonly argument: string;
  constructor(argument: string, message: string) {
    super(ArgumentError.code, `${argument}: ${message}`);
    this.argument = argument;
  }
}

/** The server could not be reached, or its answer was none of its own. */
export class ConnectionError extends ParleyError {
  static readonly code = 'connection';
  constructor(message: string, options?: ErrorOptions) {
    super(ConnectionError.code, message, options);
  }
}

/** What the server says of a request that it refuses. */
export interface Refusal {
  code: string;
  reason?: string;
  message: string;
  status: number;
  field?: string;
  facts?: Record<string, unknown>;
  request_id?: string;
}

/** The server refused a request. */
export class ServerError extends ParleyError {
  readonly status: number;
  readonly reason: string;
  readonly field: string | undefined;
  readonly facts: Record<string, unknown>;
  readonly requestId: string | undefined;
  constructor(refusal: Refusal) {
    super(refusal.code, refusal.message);
    this.status = refusal.status;
    this.reason = refusal.reason ?? refusal.code;
    this.field = refusal.field;
    this.facts = refusal.facts ?? {};
    this.requestId = refusal.request_id;
  }
}

/** There is no such thing, or none that the user may see. */
export class NotFoundError extends ServerError {
  static readonly code = 'not-found';
}

/** The user or the key may not do this. */
export class PermissionDeniedError extends ServerError {
  static readonly code = 'permission-denied';
}

/** The error of a refusal. */
export function refused(refusal: Refusal): ServerError {
  switch (refusal.code) {
    case NotFoundError.code:
      return new NotFoundError(refusal);
    case PermissionDeniedError.code:
      return new PermissionDeniedError(refusal);
  }
  return new ServerError(refusal);
}
