import { ParleyError } from './errors.js';
import type { Id, Organization, User } from './models.js';
import type { Answer, Transport } from './transport.js';

/** Who is signed in, and where. */
export class Session {
  user: User | undefined;
  organizations: Organization[] = [];
  constructor(
    readonly transport: Transport,
    private readonly configured: Id | undefined,
  ) {}

  /** The organization of what does not name one: the configured one, or the only one. */
  get defaultOrganization(): Id | undefined {
    return this.configured ?? (this.organizations.length === 1 ? this.organizations[0]!.id : undefined);
  }

  signedIn(): void {
    if (this.transport.credential === undefined) throw new ParleyError('not-signed-in', 'nobody is signed in: call signInWithApiKeyAndSecret first');
  }

  /** Who the user is in an organization. */
  me(organization: Id): Id | undefined {
    return this.organizations.find((o) => o.id === organization)?.userId ?? (this.user?.organizationId === organization ? this.user.id : undefined);
  }

  isMe(id: Id): boolean {
    return this.user?.id === id || this.organizations.some((o) => o.userId === id);
  }

  at(organization: Id | undefined): { organization?: Id } {
    const chosen = organization ?? this.defaultOrganization;
    return chosen === undefined ? {} : { organization: chosen };
  }

  async get(path: string, organization?: Id): Promise<Answer> {
    this.signedIn();
    return this.transport.call('GET', path, { ...this.at(organization), again: true });
  }
}
