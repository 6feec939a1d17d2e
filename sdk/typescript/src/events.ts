import type { Emitter } from './emitter.js';
import { ServerError } from './errors.js';
import { type Id, messageOf, type MessageStatusPerRecipient, partyOf, statusesOf } from './models.js';
import type { Session } from './session.js';

const silence = 45_000; // milliseconds without a heartbeat after which a stream is taken for dead
const firstPause = 500, longestPause = 30_000;

/** That a message got further with a recipient, or is gone. Without a messageId: all of the conversation up to sortNumber. */
export interface StatusEvent extends Partial<MessageStatusPerRecipient> {
  conversationId: Id;
  organizationId: Id;
  sortNumber?: number;
  /** The content is gone. */
  isRemoved: boolean;
  isRecalled: boolean;
}

/** Follows what happens in the conversations of the user, and tells the program. */
export class Events {
  private readonly open = new Map<Id, AbortController>();
  constructor(
    private readonly session: Session,
    private readonly emitter: Emitter,
    private readonly features: string[],
  ) {}

  /** Follows each organization of the user, until disconnect or the end of the session. */
  connect(): void {
    this.session.signedIn();
    for (const { id } of this.session.organizations) {
      if (this.open.has(id)) continue;
      const stop = new AbortController();
      this.open.set(id, stop);
      void this.follow(id, stop.signal).finally(() => {
        if (this.open.get(id) === stop) this.open.delete(id);
      });
    }
  }

  disconnect(): void {
    for (const stop of this.open.values()) stop.abort();
    this.open.clear();
  }

  private async follow(organization: Id, stop: AbortSignal): Promise<void> {
    for (let wait = firstPause; !stop.aborted; wait = Math.min(longestPause, 2 * wait)) {
      try {
        await this.once(organization, stop, () => {
          wait = firstPause / 2;
        });
      } catch (error) {
        if (stop.aborted) return;
        this.emitter.emit('events:error', error);
        if (error instanceof ServerError && error.status < 500 && error.status !== 429) return;
      }
      await pause(wait, stop);
    }
  }

  /** One stream, which the server ends now and then. */
  private async once(organization: Id, stop: AbortSignal, alive: () => void): Promise<void> {
    const ended = new AbortController(), end = () => ended.abort();
    let watch = setTimeout(end, silence);
    stop.addEventListener('abort', end);
    const confirmed: string[] = [];
    try {
      const body = await this.session.transport.stream('/events', { organization, features: this.features, signal: ended.signal });
      for await (const { event_id: id, event } of frames(body)) {
        clearTimeout(watch);
        watch = setTimeout(end, silence);
        alive();
        for (const [namespace, payload] of Object.entries(event)) this.tell(namespace, payload);
        if (id !== undefined && !this.features.includes('auto-ack')) this.confirm(organization, confirmed, id);
      }
    } finally {
      clearTimeout(watch);
      stop.removeEventListener('abort', end);
      ended.abort();
    }
  }

  /** Confirms an event, with those that come in the same moment. One that is not confirmed comes again. */
  private confirm(organization: Id, waiting: string[], id: string): void {
    waiting.push(id);
    if (waiting.length > 1) return;
    setTimeout(() => {
      const events = waiting.splice(0);
      for (let at = 0; at < events.length; at += 200) {
        this.session.transport.call('POST', '/events/ack', { body: { events: events.slice(at, at + 200) }, organization, again: true }).catch(() => undefined);
      }
    }, 50);
  }

  private tell(namespace: string, p: any): void {
    switch (namespace.replace('tigertext:iq:', '')) {
      case 'message':
      case 'group_message':
        this.emitter.emit('message', messageOf(p, this.session.isMe(p.sender_token)));
        return;
      case 'message:status':
      case 'group:message:status':
        this.emitter.emit('message:status', statusOf(p));
        return;
      case 'client_advisory':
        if (p.name === 'replay_start') this.emitter.emit('messages:offline:start', { replayMessageCount: p.replay_message_count });
        if (p.name === 'replay_stop') this.emitter.emit('messages:offline:stop');
        return;
      case 'bang':
        if (p.kind === 'added' || p.kind === 'removed') {
          this.emitter.emit('group:membership:change', { actor: partyOf(p.actor), action: p.kind === 'added' ? 'ADD' : 'REMOVE', group: { id: p.conversation_id },
            members: p.members.map(partyOf), createdAt: new Date(p.created_time) });
        }
    }
  }
}

function statusOf(p: any): StatusEvent {
  const known = p.message_id === undefined || p.account_id === undefined ? {} : statusesOf(p.message_id, [p])[0]!;
  const made: StatusEvent = { ...known, conversationId: p.conversation_id, organizationId: p.organization, isRemoved: p.status === 'Removed', isRecalled: p.is_recalled === true };
  if (p.message_id !== undefined) made.messageId = p.message_id;
  else Object.assign(made, { userId: p.account_id, recipientStatus: 'READ', status: 'READ', createdAt: new Date(p.timestamp) });
  if (p.sort_number !== undefined) made.sortNumber = p.sort_number;
  return made;
}

/** The events of a stream. */
async function* frames(body: ReadableStream<Uint8Array>): AsyncGenerator<{ event_id?: string; event: Record<string, unknown> }> {
  const reader = body.getReader(), text = new TextDecoder();
  let rest = '';
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    const blocks = (rest + text.decode(value, { stream: true })).split('\n\n');
    rest = blocks.pop()!;
    for (const block of blocks) {
      const data = block.split('\n').filter((line) => line.startsWith('data: ')).map((line) => line.slice('data: '.length)).join('\n');
      if (data !== '') yield JSON.parse(data);
    }
  }
}

function pause(milliseconds: number, stop: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(done, milliseconds);
    function done(): void {
      clearTimeout(timer);
      stop.removeEventListener('abort', done);
      resolve();
    }
    stop.addEventListener('abort', done);
  });
}
