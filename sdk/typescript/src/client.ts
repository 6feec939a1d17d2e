import { idOf, type Ref } from './arguments.js';
import { Emitter } from './emitter.js';
import { ArgumentError, NotFoundError, PermissionDeniedError } from './errors.js';
import { Events } from './events.js';
import { Messages } from './messages.js';
import { type Group, groupOf, type Id, type Organization, organizationOf, type User, userOf } from './models.js';
import { Session } from './session.js';
import { type RetryOptions, Transport } from './transport.js';

export interface ClientConfig {
  /** Where the server is, with the version: `https://HOST/tigerconnect/v2`. */
  baseUrl: string;
  /** What the program is called. */
  partnerName?: string;
  /** The organization of what does not name one. Not needed by who belongs to one only. */
  defaultOrganizationId?: Id | null;
  /** Milliseconds for a request; 60,000. */
  timeout?: number;
  retry?: Partial<RetryOptions>;
  /** Of the event stream: whether messages that come are marked as delivered (they are), and events are confirmed before the listeners have them (they are not). */
  events?: { autoDeliver?: boolean; autoAck?: boolean };
  /** In place of the global one. */
  fetch?: typeof globalThis.fetch;
}

export interface SignedIn {
  auth: { key: string; secret: string };
  user: User;
}

/** A signed-in user of a server. */
export class Client {
  static readonly enums = Object.freeze({
    MessagePriority: Object.freeze({ NORMAL: 'NORMAL', HIGH: 'HIGH' } as const),
    MessageRecipientStatus: Object.freeze({ NEW: 'NEW', DELIVERED: 'DELIVERED', READ: 'READ', NA: 'NA' } as const),
    MessageSenderStatus: Object.freeze({ SENDING: 'SENDING', SENT: 'SENT', FAILED: 'FAILED', RETRYING: 'RETRYING', NEW: 'NEW', NA: 'NA' } as const),
  });
  readonly enums = Client.enums;
  readonly errors = Object.freeze({ ArgumentError, NotFoundError, PermissionDeniedError });
  readonly messages: Messages;
  readonly events: Events;
  private readonly emitter = new Emitter();
  private readonly session: Session;
  private known: Id | undefined; // who was signed in last

  constructor(config: ClientConfig) {
    if (typeof config !== 'object' || config === null) throw new ArgumentError('config', 'must be an object');
    let url: URL;
    try {
      url = new URL(config.baseUrl);
    } catch {
      throw new ArgumentError('baseUrl', 'must be the address of the server, as https://HOST/tigerconnect/v2');
    }
    if (url.protocol !== 'https:' && url.protocol !== 'http:') throw new ArgumentError('baseUrl', 'must begin with https:// or http://');
    const transport = new Transport(url.href.replace(/\/+$/, ''), { attempts: 4, longest: 30_000, ...config.retry }, config.timeout ?? 60_000,
      config.fetch ?? globalThis.fetch.bind(globalThis));
    this.session = new Session(transport, config.defaultOrganizationId ?? undefined);
    this.messages = new Messages(this.session, this.emitter);
    const { autoDeliver = true, autoAck = false } = config.events ?? {};
    this.events = new Events(this.session, this.emitter, [...(autoDeliver ? ['auto-deliver'] : []), ...(autoAck ? ['auto-ack'] : [])]);
    transport.onUnauthorized = (error) => {
      if (this.session.user !== undefined) this.end(error);
    };
  }

  /** Listens to `signedIn`, `signedOut`, `message`, `message:status`, `message:senderStatus` and the others of the README. */
  on(event: string, listener: (...args: any[]) => void): this {
    this.emitter.on(event, listener);
    return this;
  }

  removeListener(event: string, listener: (...args: any[]) => void): this {
    this.emitter.removeListener(event, listener);
    return this;
  }

  private end(reason?: Error): void {
    this.events.disconnect();
    this.session.transport.credential = undefined;
    const { user } = this.session;
    this.session.user = undefined;
    this.session.organizations = [];
    if (user !== undefined) this.emitter.emit('signedOut', user, reason);
  }

  /** Signs in with the id and the secret of a key. */
  async signInWithApiKeyAndSecret(key: string, secret: string): Promise<SignedIn> {
    if (typeof key !== 'string' || key === '' || key.includes(':')) throw new ArgumentError('key', 'must be the id of a key; expected (key, secret)');
    if (typeof secret !== 'string' || secret === '') throw new ArgumentError('secret', 'must be the secret of the key; expected (key, secret)');
    const { transport } = this.session;
    const before = transport.credential, { user: wasUser, organizations: were } = this.session;
    this.session.user = undefined; // that the new key is refused does not end the session before
    transport.credential = btoa(`${key}:${secret}`);
    try {
      this.session.organizations = await this.organizations.findAll();
      const first = this.session.defaultOrganization ?? this.session.organizations[0]?.id;
      const { reply } = await this.session.get('/user/me', first);
      const user = userOf(reply);
      if (this.known !== undefined && this.known !== user.id) this.messages.unsent.clear(); // what somebody else could not send
      this.session.user = user;
      this.known = user.id;
      const signedIn = { auth: { key, secret }, user };
      this.emitter.emit('signedIn', user, signedIn.auth);
      return signedIn;
    } catch (error) {
      transport.credential = before;
      this.session.user = wasUser;
      this.session.organizations = were;
      throw error;
    }
  }

  /** Forgets who is signed in. The key goes on working. */
  async signOut(): Promise<null> {
    this.end();
    return null;
  }

  readonly organizations = {
    /** The organizations that the user belongs to. */
    findAll: async (): Promise<Organization[]> => {
      this.session.signedIn();
      const { reply } = await this.session.transport.call('GET', '/user/me/organization', { again: true });
      return reply.organizations.map(organizationOf);
    },
    find: async (organization: Ref): Promise<Organization> => {
      const id = idOf('organization', organization, '(organization)');
      return organizationOf((await this.session.get(`/organization/${encodeURIComponent(id)}`, id)).reply);
    },
  };

  readonly users = {
    /** A user by id, e-mail address or telephone number. */
    find: async (user: Ref, options?: { organizationId?: Id }): Promise<User> =>
      userOf((await this.session.get(`/user/${encodeURIComponent(idOf('user', user, '(user)'))}`, options?.organizationId)).reply),
    findMe: async (options?: { organizationId?: Id }): Promise<User> => userOf((await this.session.get('/user/me', options?.organizationId)).reply),
  };

  readonly groups = {
    find: async (group: Ref, options?: { organizationId?: Id; ignoreNotFound?: boolean }): Promise<Group | null> => {
      try {
        return groupOf((await this.session.get(`/group/${encodeURIComponent(idOf('group', group, '(group)'))}`, options?.organizationId)).reply);
      } catch (error) {
        if (options?.ignoreNotFound && error instanceof NotFoundError) return null;
        throw error;
      }
    },
  };
}
