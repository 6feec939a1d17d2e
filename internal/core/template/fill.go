package template

import (
	"context"
	"strings"

	"github.com/parley-server/parley/internal/core/access"
	"github.com/parley-server/parley/internal/core/thread"
	"github.com/parley-server/parley/internal/parley"
	"github.com/parley-server/parley/internal/store"
)

// FillParams says whom a saved reply is filled in for: who takes part in a conversation, or a contact.
type FillParams struct {
	Conversation parley.ID
	Contact      parley.ID
}

// Fill puts what is known into a saved reply. Variables of which nothing is known become empty, and are named.
func (t *Templates) Fill(ctx context.Context, p *access.Principal, id parley.ID, f FillParams) (body []parley.Part, missing []string, err error) {
	if err := p.Require(parley.ScopeRepliesRead); err != nil {
		return nil, nil, err
	}
	q := t.store.Read(ctx)
	r, err := reply(q, p, id)
	if err != nil {
		return nil, nil, err
	}
	facts, err := factsFor(q, p, f)
	if err != nil {
		return nil, nil, err
	}
	seen := map[string]bool{}
	body, wrong := render(r.Body, func(name string) string {
		if facts[name] == "" && !seen[name] {
			seen[name] = true
			missing = append(missing, name)
		}
		return facts[name]
	})
	return body, missing, parley.InvalidFields(wrong)
}

// factsFor are the values of the variables of saved replies.
func factsFor(q store.Queries, p *access.Principal, f FillParams) (map[string]string, error) {
	facts := map[string]string{"user.name": p.UserName}
	o, err := q.Organization(p.Organization)
	if err != nil {
		return nil, err
	}
	facts["organization.name"] = o.Name
	if u, err := q.User(p.Organization, p.User); err == nil {
		facts["user.name"], facts["user.email"] = u.Name, u.Email
	}
	if f.Conversation != "" {
		if err := p.Require(parley.ScopeConversationsRead); err != nil {
			return nil, err
		}
		c, err := thread.NewSight(q, p).Conversation(f.Conversation)
		if parley.IsKind(err, parley.KindNotFound) {
			return nil, parley.Invalid("conversation", "conversation-unknown", "must be the id of a conversation")
		}
		if err != nil {
			return nil, err
		}
		facts["conversation.title"], facts["conversation.id"] = c.Title, string(c.ID)
		if f.Contact == "" {
			if f.Contact, err = contactIn(q, p.Organization, c.ID); err != nil {
				return nil, err
			}
		}
	}
	return facts, addContact(q, p, f.Contact, facts)
}

// contactIn is the first contact that takes part in a conversation; empty where none does.
func contactIn(q store.Queries, organization, conversation parley.ID) (parley.ID, error) {
	participants, err := q.Participants(organization, conversation)
	for _, who := range participants {
		if who.Kind == parley.ActorContact && who.LeftSequence == 0 {
			return who.ID, err
		}
	}
	return "", err
}

func addContact(q store.Queries, p *access.Principal, id parley.ID, facts map[string]string) error {
	if id == "" {
		return nil
	}
	if err := p.Require(parley.ScopeContactsRead); err != nil {
		return err
	}
	c, err := q.Survivor(p.Organization, id)
	if parley.IsKind(err, parley.KindNotFound) {
		return parley.Invalid("contact", "contact-unknown", "must be the id of a contact")
	}
	if err != nil {
		return err
	}
	for key, value := range c.Attributes {
		facts["contact."+key] = value
	}
	for _, a := range c.Addresses {
		if facts["contact."+string(a.Kind)] == "" {
			facts["contact."+string(a.Kind)] = a.Value
		}
	}
	facts["contact.name"], facts["contact.id"] = c.Name, string(c.ID)
	facts["contact.firstName"], _, _ = strings.Cut(strings.TrimSpace(c.Name), " ")
	return nil
}
