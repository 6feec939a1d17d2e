import { idOf, type Ref } from './arguments.js';
import { ArgumentError, NotFoundError, PermissionDeniedError } from './errors.js';
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
  private readonly session: Session;

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
    this.messages = new Messages(this.session);
  }

  /** Signs in with the id and the secret of a key. */
  async signInWithApiKeyAndSecret(key: string, secret: string): Promise<SignedIn> {
    if (typeof key !== 'string' || key === '' || key.includes(':')) throw new ArgumentError('key', 'must be the id of a key; expected (key, secret)');
    if (typeof secret !== 'string' || secret === '') throw new ArgumentError('secret', 'must be the secret of the key; expected (key, secret)');
    const { transport } = this.session;
    const before = transport.credential;
    transport.credential = btoa(`${key}:${secret}`);
    try {
      this.session.organizations = await this.organizations.findAll();
      const first = this.session.defaultOrganization ?? this.session.organizations[0]?.id;
      const { reply } = await this.session.get('/user/me', first);
      this.session.user = userOf(reply);
      return { auth: { key, secret }, user: this.session.user };
    } catch (error) {
      transport.credential = before;
      throw error;
    }
  }

  /** Forgets who is signed in. The key goes on working. */
  async signOut(): Promise<null> {
    this.session.transport.credential = undefined;
    this.session.user = undefined;
    this.session.organizations = [];
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
    /** A user by id or e-mail address. */
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
