package wire

import (
	"cmp"
	"time"

	"github.com/parley-server/parley/api"
	"github.com/parley-server/parley/internal/core/access"
	"github.com/parley-server/parley/internal/core/directory"
	"github.com/parley-server/parley/internal/core/limits"
	"github.com/parley-server/parley/internal/parley"
)

// Organization renders an organization.
func Organization(o *parley.Organization) api.Organization {
	return api.Organization{
		ID: string(o.ID), Name: o.Name, Test: o.Test, Rev: o.Rev, CreatedAt: stamp(o.CreatedAt),
		Policy: api.Policy{DefaultTTL: seconds(o.Policy.DefaultTTL), MaxTTL: seconds(o.Policy.MaxTTL), LockTTL: o.Policy.LockTTL,
			DefinedAttributesOnly: o.Policy.DefinedAttributesOnly, AckWords: filledList(o.Policy.Words()),
			Keywords:        Each(o.Policy.Keywords, keyword),
			ContactLimits:   Each(o.Policy.ContactLimits, contactLimit),
			FallbackContent: api.FallbackContent(cmp.Or(o.Policy.FallbackContent, parley.FallbackNone)), FallbackText: cmp.Or(o.Policy.FallbackText, parley.DefaultFallbackText),
			FallbackReplies: o.Policy.FallbackReplies,
			NoHighPriority:  o.Policy.NoHighPriority, NoImages: o.Policy.NoImages, NoFiles: o.Policy.NoFiles,
			Reminders: api.Reminders{Every: seconds(o.Policy.Reminding().Every), Times: o.Policy.Reminding().Times},
			Retention: retention(o.Policy.Retention), QuietHours: quietHours(&o.Policy.Quiet)},
	}
}

func quietHours(q *parley.QuietHours) api.QuietHours {
	return api.QuietHours{TimeZone: q.TimeZone, Classes: texts(q.Classes), HighPriority: q.High, Intervals: Each(q.Intervals, func(h *parley.QuietInterval) api.QuietInterval {
		out := api.QuietInterval{From: TimeOfDay(h.From), To: TimeOfDay(h.To)}
		for _, day := range h.Days {
			out.Days = append(out.Days, Weekday(day))
		}
		return out
	})}
}

// QuietHours are those that a request gives; nil where it gives none.
func QuietHours(q *api.QuietHours) *parley.QuietHours {
	if q == nil {
		return nil
	}
	out := &parley.QuietHours{TimeZone: q.TimeZone, High: q.HighPriority}
	for _, class := range q.Classes {
		out.Classes = append(out.Classes, parley.MessageClass(class))
	}
	for _, h := range q.Intervals {
		made := parley.QuietInterval{Hours: parley.Hours{From: Minutes(h.From), To: Minutes(h.To)}}
		for _, day := range h.Days {
			made.Days = append(made.Days, WeekdayOf(day))
		}
		out.Intervals = append(out.Intervals, made)
	}
	return out
}

func keyword(k *parley.Keyword) api.Keyword {
	return api.Keyword{Action: api.KeywordAction(k.Action), Platform: k.Platform, Locale: k.Locale, Words: k.Words, Class: api.MessageClass(k.Class),
		Answer: k.Answer}
}

// Keywords are rules that a request gives; nil where it gives none.
func Keywords(list *[]api.Keyword) *[]parley.Keyword {
	if list == nil {
		return nil
	}
	out := Each(*list, func(k *api.Keyword) parley.Keyword {
		return parley.Keyword{Action: parley.KeywordAction(k.Action), Platform: k.Platform, Locale: k.Locale, Words: k.Words,
			Class: parley.MessageClass(k.Class), Answer: k.Answer}
	})
	return &out
}

func contactLimit(l *parley.ContactLimit) api.ContactLimit {
	return api.ContactLimit{Class: api.MessageClass(l.Class), Platform: l.Platform, Max: l.Max, Period: seconds(l.Period), Beyond: api.LimitBeyond(l.Beyond),
		HighPriority: l.High}
}

// ContactLimits are limits that a request gives; nil where it gives none.
func ContactLimits(list *[]api.ContactLimit) *[]parley.ContactLimit {
	if list == nil {
		return nil
	}
	out := Each(*list, func(l *api.ContactLimit) parley.ContactLimit {
		return parley.ContactLimit{Class: parley.MessageClass(l.Class), Platform: l.Platform, Max: l.Max, Period: Seconds(l.Period),
			Beyond: parley.LimitBeyond(l.Beyond), High: l.HighPriority}
	})
	return &out
}

// ContactStanding renders where a contact stands with a limit.
func ContactStanding(s *limits.Standing) api.ContactStanding {
	return api.ContactStanding{ContactLimit: contactLimit(&s.ContactLimit), Used: s.Used, Waiting: s.Waiting, FreeAt: stamp(s.FreeAt)}
}

func retention(policy map[parley.ConversationKind]time.Duration) map[string]int64 {
	out := make(map[string]int64, len(policy))
	for kind, keep := range policy {
		out[string(kind)] = seconds(keep)
	}
	return out
}

// Retention is what a request says of how long content is kept.
func Retention(patch map[string]*int64) map[parley.ConversationKind]*time.Duration {
	changes := make(map[parley.ConversationKind]*time.Duration, len(patch))
	for kind, keep := range patch {
		changes[parley.ConversationKind(kind)] = OptionalSeconds(keep)
	}
	return changes
}

// User renders a user.
func User(u *parley.User) api.User {
	return api.User{ID: string(u.ID), Name: u.Name, Email: u.Email, Machine: u.Machine, Active: u.Active,
		Metadata: filled(u.Metadata), Profile: Profile(u.Profile), DoNotDisturb: doNotDisturb(u.DoNotDisturb), Rev: u.Rev, CreatedAt: stamp(u.CreatedAt)}
}

// Profile renders what an organization knows of a user.
func Profile(p parley.Profile) api.Profile {
	return api.Profile{Title: p.Title, Department: p.Department, Phone: p.Phone, Avatar: string(p.Avatar)}
}

func doNotDisturb(d *parley.DoNotDisturb) *api.DoNotDisturb {
	if d == nil {
		return nil
	}
	out := &api.DoNotDisturb{Since: stamp(d.Since), Until: stamp(d.Until), Text: d.Text}
	switch d.ForwardTo.Kind {
	case parley.ActorUser:
		out.ForwardTo = &api.ForwardTarget{User: string(d.ForwardTo.ID)}
	case parley.ActorRole:
		out.ForwardTo = &api.ForwardTarget{Role: string(d.ForwardTo.ID)}
	}
	return out
}

// Team renders a team.
func Team(t *parley.Team) api.Team {
	return api.Team{ID: string(t.ID), Name: t.Name, Members: texts(t.Members), Metadata: filled(t.Metadata), Rev: t.Rev, CreatedAt: stamp(t.CreatedAt)}
}

// Member renders an entry of a team or a list.
func Member(m *directory.Member) api.Member {
	return api.Member{Kind: api.ActorKind(m.Kind), ID: string(m.ID), Name: m.Name}
}

// Broadcast renders a broadcast list.
func Broadcast(b *parley.Broadcast) api.Broadcast {
	out := api.Broadcast{ID: string(b.ID), Name: b.Name, MemberCount: b.MemberCount, Metadata: filled(b.Metadata), Rev: b.Rev, CreatedAt: stamp(b.CreatedAt)}
	if s := b.Selection; s != nil {
		out.Filter = &api.ContactSelection{Name: s.NamePrefix, Tag: s.Tag, Attributes: s.Attributes, Saved: s.Saved, OptedOut: s.OptedOut,
			CreatedSince: stamp(s.CreatedSince), CreatedUntil: stamp(s.CreatedUntil)}
	}
	return out
}

// Selection is which contacts a request puts on a list; nil: it names members.
func Selection(s *api.ContactSelection) *parley.Selection {
	if s == nil {
		return nil
	}
	return &parley.Selection{NamePrefix: s.Name, Tag: s.Tag, Attributes: s.Attributes, Saved: s.Saved, OptedOut: s.OptedOut,
		CreatedSince: s.CreatedSince.Time, CreatedUntil: s.CreatedUntil.Time}
}

// Contact renders a contact.
func Contact(c *parley.Contact) api.Contact {
	out := api.Contact{
		ID: string(c.ID), Name: c.Name, Saved: c.Saved, Addresses: make([]api.Address, len(c.Addresses)), Attributes: filled(c.Attributes),
		Tags: filledList(c.Tags), ExternalID: c.ExternalID, ExternalIDs: c.ExternalIDs, OptedOut: c.OptedOut, LastChannel: string(c.LastChannel),
		MergedInto: string(c.MergedInto), Rev: c.Rev, CreatedAt: stamp(c.CreatedAt), UpdatedAt: stamp(c.UpdatedAt),
	}
	for i, a := range c.Addresses {
		out.Addresses[i] = api.Address{Kind: string(a.Kind), Value: a.Value, Shared: a.Shared}
	}
	return out
}

// Attribute renders the definition of an attribute.
func Attribute(a *parley.Attribute) api.Attribute {
	return api.Attribute{Key: a.Key, Type: api.AttributeType(a.Type), Label: a.Label, Choices: a.Choices, Archived: a.Archived,
		Rev: a.Rev, CreatedAt: stamp(a.CreatedAt)}
}

// Addresses are addresses that a request names. They are normalized where they are kept.
func Addresses(list []api.Address) []parley.Address {
	out := make([]parley.Address, len(list))
	for i, a := range list {
		out[i] = parley.Address{Kind: parley.AddressKind(a.Kind), Value: a.Value, Shared: a.Shared}
	}
	return out
}

// Key renders a key, with its secret where it was just made.
func Key(k *access.NewKey) api.Key {
	out := api.Key{ID: string(k.ID), Name: k.Name, Personal: k.Account != "", User: string(k.User), Scopes: texts(k.Scopes), RateLimit: k.RateLimit, Doors: grants(k.Doors),
		ExpiresAt: stamp(k.ExpiresAt), RevokedAt: stamp(k.RevokedAt), CreatedAt: stamp(k.CreatedAt), Secret: k.Token}
	return out
}

func grants(doors map[string]parley.DoorGrants) map[string]api.DoorGrants {
	if len(doors) == 0 {
		return nil
	}
	out := make(map[string]api.DoorGrants, len(doors))
	for name, g := range doors {
		o := api.DoorGrants{Roles: g.Roles}
		for _, p := range g.Policies {
			o.Policies = append(o.Policies, api.DoorPolicy(p))
		}
		out[name] = o
	}
	return out
}

// GivenGrants are the grants of a key to make.
func GivenGrants(doors map[string]api.DoorGrants) map[string]parley.DoorGrants {
	if len(doors) == 0 {
		return nil
	}
	in := make(map[string]parley.DoorGrants, len(doors))
	for name, g := range doors {
		i := parley.DoorGrants{Roles: g.Roles}
		for _, p := range g.Policies {
			i.Policies = append(i.Policies, parley.DoorPolicy(p))
		}
		in[name] = i
	}
	return in
}

// PermissionSet renders a permission set.
func PermissionSet(s *parley.PermissionSet) api.PermissionSet {
	return api.PermissionSet{ID: string(s.ID), Name: s.Name, Scopes: texts(s.Scopes), BuiltIn: s.BuiltIn, Rev: s.Rev, CreatedAt: stamp(s.CreatedAt)}
}

// Permissions renders what a user may do at most.
func Permissions(p *access.Permissions) api.Permissions {
	return api.Permissions{Limited: p.Limited, Sets: texts(p.Sets), Scopes: texts(p.Scopes)}
}

// KnownKey renders a key that was made before.
func KnownKey(k *parley.Key) api.Key { return Key(&access.NewKey{Key: *k}) }

// Scopes are scopes that a request names.
func Scopes(list []string) []parley.Scope {
	out := make([]parley.Scope, len(list))
	for i, text := range list {
		out[i] = parley.Scope(text)
	}
	return out
}

// Media renders an uploaded file.
func Media(m *parley.Media) api.Media {
	return api.Media{ID: string(m.ID), Name: m.Name, ContentType: m.ContentType, Size: m.Size, SHA256: m.SHA256,
		Attached: m.Attached, CreatedAt: stamp(m.CreatedAt)}
}

// Suppression renders a suppression.
func Suppression(s *parley.Suppression) api.Suppression {
	return api.Suppression{ID: string(s.ID), Address: address(s.Address), Platform: s.Platform, Class: api.MessageClass(s.Class),
		Reason: api.SuppressionReason(s.Reason), Note: s.Note, Actor: string(s.Actor), MessageID: string(s.Message), CreatedAt: stamp(s.CreatedAt)}
}

// BlockedSender renders a blocked sender.
func BlockedSender(b *parley.BlockedSender) api.BlockedSender {
	return api.BlockedSender{ID: string(b.ID), Contact: string(b.Contact), Address: address(b.Address), Note: b.Note, Actor: string(b.Actor),
		Parked: b.Parked, CreatedAt: stamp(b.CreatedAt)}
}

// ContactExport renders an export of a contact's data.
func ContactExport(e *parley.ContactExport) api.ContactExport {
	return api.ContactExport{ID: string(e.ID), Contact: string(e.Contact), Status: api.DossierStatus(e.State), Media: string(e.Media), Size: e.Size,
		Actor: string(e.Actor), CreatedAt: stamp(e.CreatedAt), ReadyAt: stamp(e.ReadyAt), ExpiresAt: stamp(e.ExpiresAt)}
}

// ContactErasure renders an erasure of a contact.
func ContactErasure(e *parley.ContactErasure) api.ContactErasure {
	return api.ContactErasure{Contact: string(e.Contact), Status: api.DossierStatus(e.State), Messages: e.Messages, Actor: string(e.Actor),
		CreatedAt: stamp(e.CreatedAt), EndedAt: stamp(e.EndedAt)}
}
