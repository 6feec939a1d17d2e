package tigerconnect

import (
	"slices"
	"strings"
	"time"

	"github.com/parley-server/parley/internal/parley"
)

// account is a user as the vendor writes one.
type account struct {
	Type         string            `json:"type"`
	Token        string            `json:"token"`
	DisplayName  string            `json:"display_name"`
	FirstName    string            `json:"first_name"`
	LastName     string            `json:"last_name"`
	Title        string            `json:"title,omitempty"`
	Department   string            `json:"department,omitempty"`
	Avatar       string            `json:"avatar,omitempty"`
	Organization string            `json:"organization_key"`
	Emails       []verified        `json:"emails"`
	Phones       []verified        `json:"phones"`
	DND          bool              `json:"dnd"`
	DNDText      string            `json:"dnd_text,omitempty"`
	DNDForward   string            `json:"dnd_auto_forward_receiver,omitempty"`
	Removed      bool              `json:"removed_from_org"`
	RoleBot      bool              `json:"is_role_bot"`
	Metadata     map[string]string `json:"metadata"`
}

type verified struct {
	Address  string `json:"address,omitempty"`
	Number   string `json:"number,omitempty"`
	Verified bool   `json:"verified"`
}

func (c *call) account(u *parley.User) account {
	first, last, _ := strings.Cut(u.Name, " ")
	a := account{Type: "tigertext:entity:account", Token: string(u.ID), DisplayName: u.Name, FirstName: first, LastName: strings.TrimSpace(last),
		Title: u.Profile.Title, Department: u.Profile.Department, Avatar: string(u.Profile.Avatar), Organization: string(c.p.Organization),
		Emails: []verified{}, Phones: []verified{}, Removed: !u.Active, Metadata: texts(u.Metadata)}
	if u.Email != "" {
		a.Emails = append(a.Emails, verified{Address: u.Email, Verified: true})
	}
	if u.Profile.Phone != "" {
		a.Phones = append(a.Phones, verified{Number: u.Profile.Phone})
	}
	if d := u.DoNotDisturb; d != nil {
		a.DND, a.DNDText, a.DNDForward = true, d.Text, string(d.ForwardTo.ID)
	}
	return a
}

func texts(values map[string]string) map[string]string {
	if values == nil {
		return map[string]string{}
	}
	return values
}

// find returns a user by id, e-mail address or telephone number; "me" is who asks.
func (c *call) find(address string) (*parley.User, error) {
	if address == "me" {
		me, err := c.d.Directory.Shown(c.ctx(), c.p, c.p.User)
		return &me, err
	}
	found, err := c.d.Directory.Addressed(c.ctx(), c.p, address)
	if err == nil && found[address] == nil {
		err = parley.NotFound("user", parley.ID(address))
	}
	return found[address], err
}

// user answers with a user, or with a role in the place of its own account.
func (c *call) user() error {
	if err := c.inside(); err != nil {
		return err
	}
	address := c.r.PathValue("address")
	u, err := c.find(address)
	if parley.IsKind(err, parley.KindNotFound) {
		r, missing := c.d.Directory.Role(c.ctx(), c.p, parley.ID(address))
		if missing == nil {
			return c.reply(c.bot(&r))
		}
		if !parley.IsKind(missing, parley.KindNotFound) {
			return missing
		}
	}
	if err != nil {
		return err
	}
	return c.reply(c.account(u))
}

// users answers with several users. Those that are not there are left out.
func (c *call) users() error {
	f, err := c.read()
	if err != nil {
		return err
	}
	if err := c.inside(); err != nil {
		return err
	}
	addresses, err := f.list("addresses")
	if err != nil {
		return err
	}
	if len(addresses) > maxIDs {
		return parley.Invalid("addresses", "too-many", "must be at most %d", maxIDs)
	}
	for i, address := range addresses {
		if address == "me" {
			addresses[i] = string(c.p.User)
		}
	}
	found, err := c.d.Directory.Addressed(c.ctx(), c.p, addresses...)
	if err != nil {
		return err
	}
	list := []account{}
	for _, address := range addresses {
		if u := found[address]; u != nil {
			list = append(list, c.account(u))
		}
	}
	return c.reply(map[string]any{"users": list})
}

// bot is the account that stands for a role.
func (c *call) bot(r *parley.Role) account {
	metadata := map[string]string{}
	for k, v := range r.Metadata {
		metadata[k] = v
	}
	metadata["feature_service"] = "role"
	return account{Type: "tigertext:entity:account", Token: string(r.ID), DisplayName: r.Name, FirstName: r.Name, Organization: string(c.p.Organization),
		Emails: []verified{}, Phones: []verified{}, RoleBot: true, Metadata: metadata}
}

type role struct {
	Token         string   `json:"token"`
	DisplayName   string   `json:"display_name"`
	Description   string   `json:"description"`
	Organization  string   `json:"organization_key"`
	BotUser       account  `json:"bot_user"`
	Members       []string `json:"members"`
	OwnerRequired bool     `json:"owner_required"`
	ReplayHistory bool     `json:"replay_history"`
	AwayStatus    string   `json:"away_status,omitempty"`
	Tags          []string `json:"tags"`
	Mine          bool     `json:"has_current_user"`
}

// role answers with a role and who is on duty for it.
func (c *call) role() error {
	r, err := c.d.Directory.Role(c.ctx(), c.p, c.id())
	if err != nil {
		return err
	}
	w := role{Token: string(r.ID), DisplayName: r.Name, Description: r.Description, Organization: string(c.p.Organization), BotUser: c.bot(&r),
		Members: []string{}, OwnerRequired: r.OwnerRequired, ReplayHistory: r.ReplayHistory, AwayStatus: r.AwayText, Tags: append([]string{}, r.Tags...),
		Mine: slices.Contains(r.OnDuty, c.p.User)}
	for _, id := range r.OnDuty {
		w.Members = append(w.Members, string(id))
	}
	return c.reply(w)
}

type organization struct {
	Type        string `json:"type"`
	Token       string `json:"token"`
	Name        string `json:"name"`
	DisplayName string `json:"display_name"`
	User        string `json:"user_token"` // of whoever asks
	*settings
}

// settings are what an organization has set for messages.
type settings struct {
	AllowPriority bool  `json:"allow_priority_message"`
	Forward       bool  `json:"is_forward_allowed"`
	NoPhoto       bool  `json:"no_photo"`
	NoAttachment  bool  `json:"no_attachment"`
	TTL           int64 `json:"message_time_to_live"`
	TTLLocked     bool  `json:"ttl_locked"`
	MaxTTL        int64 `json:"max_ttl"`
}

func organizationOf(id parley.ID, name string, user parley.ID) organization {
	return organization{Type: "tigertext:entity:organization", Token: string(id), Name: name, DisplayName: name, User: string(user)}
}

// organizations answers with those that whoever asks belongs to, and as whom in each.
func (c *call) organizations() error {
	me, err := c.d.Core.Profiles.Me(c.ctx(), c.p)
	if err != nil {
		return err
	}
	address, own := c.r.PathValue("address"), false
	list := []organization{}
	for _, m := range me.Memberships {
		own = own || string(m.User.ID) == address
		list = append(list, organizationOf(m.Organization, m.Name, m.User.ID))
	}
	if !own && address != "me" {
		return parley.NotFound("user", parley.ID(address))
	}
	return c.reply(map[string]any{"organizations": list})
}

// organization answers with the one that the request acts in.
func (c *call) organization() error {
	if err := c.enter(string(c.id())); err != nil {
		return err
	}
	o, err := c.d.Directory.Organization(c.ctx(), c.p)
	if err != nil {
		return err
	}
	w := organizationOf(o.ID, o.Name, c.p.User)
	w.settings = &settings{AllowPriority: !o.Policy.NoHighPriority, NoPhoto: o.Policy.NoImages, NoAttachment: o.Policy.NoFiles, Forward: true, TTL: minutes(o.Policy.DefaultTTL), MaxTTL: minutes(o.Policy.MaxTTL), TTLLocked: o.Policy.LockTTL}
	return c.reply(w)
}

// minutes writes a life of content: -1 is none.
func minutes(d time.Duration) int64 {
	if d <= 0 {
		return never
	}
	return int64((d + time.Minute - 1) / time.Minute)
}

type group struct {
	Type         string            `json:"type"`
	Token        string            `json:"token"`
	Name         string            `json:"name"`
	Description  string            `json:"description"`
	Avatar       string            `json:"avatar,omitempty"`
	Members      []string          `json:"members"`
	MemberCount  int               `json:"num_members"`
	IsPublic     bool              `json:"is_public"`
	Replay       bool              `json:"replay_history"`
	Organization string            `json:"organization_key"`
	CreatedTime  string            `json:"created_time"`
	Metadata     map[string]string `json:"metadata"`
}

// group answers with a conversation of several.
func (c *call) group() error {
	found, err := c.conversation(c.id())
	if err != nil {
		return err
	}
	if found.Kind == parley.ConversationDirect || found.Kind == parley.ConversationBroadcast {
		return parley.NotFound("group", found.ID)
	}
	g := group{Type: "tigertext:entity:group", Token: string(found.ID), Name: found.Title, Description: found.Description, Avatar: string(found.Avatar),
		Members: []string{}, IsPublic: found.Group.Forum, Replay: found.Group.ReplayHistory, Organization: string(c.p.Organization),
		CreatedTime: timeOf(found.CreatedAt), Metadata: texts(found.Metadata)}
	for _, p := range found.Participants {
		if p.LeftSequence == 0 && (p.Kind == parley.ActorUser || p.Kind == parley.ActorRole) {
			g.Members = append(g.Members, string(p.ID))
		}
	}
	g.MemberCount = len(g.Members)
	return c.reply(g)
}

// list answers with a list that messages go to one by one. Who is on it is not said.
func (c *call) list() error {
	b, err := c.d.Directory.Broadcast(c.ctx(), c.p, c.id())
	if err != nil {
		return err
	}
	return c.reply(map[string]any{"type": "tigertext:entity:list", "token": string(b.ID), "name": b.Name, "display_name": b.Name,
		"member_count": b.MemberCount, "organization_key": string(c.p.Organization)})
}
