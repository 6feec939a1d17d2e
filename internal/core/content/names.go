package content

import (
	"github.com/parley-server/parley/internal/parley"
	"github.com/parley-server/parley/internal/store"
	"github.com/parley-server/parley/internal/store/duty"
)

// Sender is who a body is by, as far as its files go.
type Sender struct {
	Organization parley.ID
	User         parley.ID
	Personal     bool // only its own files may be sent
}

// Complete looks up the files and people that a body names, and fills in what is known of them.
func Complete(q store.Queries, s Sender, body []parley.Part) error {
	if err := s.files(q, body); err != nil {
		return err
	}
	return s.people(q, body)
}

func (s Sender) files(q store.Queries, body []parley.Part) error {
	var ids []parley.ID
	parley.EachFile(body, func(_ string, f *parley.File) {
		if f.Media != "" {
			ids = append(ids, f.Media)
		}
	})
	found, err := q.MediaByID(s.Organization, ids)
	if err != nil {
		return err
	}
	var wrong error
	parley.EachFile(body, func(path string, f *parley.File) {
		if f.Media == "" || wrong != nil {
			return
		}
		known := found[f.Media]
		if known == nil || s.Personal && known.Uploader != s.User {
			wrong = parley.Invalid(path+".media", "media-unknown", "must be the id of a file that you uploaded")
			return
		}
		f.ContentType, f.Size = known.ContentType, known.Size
		if f.Name == "" {
			f.Name = known.Name
		}
	})
	return wrong
}

// people fills in the names of those who are paged and mentioned.
func (s Sender) people(q store.Queries, body []parley.Part) error {
	var users, contacts []parley.ID
	parley.EachPart(body, func(_ string, p *parley.Part) {
		switch p.Who.Kind {
		case parley.ActorUser:
			users = append(users, p.Who.ID)
		case parley.ActorContact:
			contacts = append(contacts, p.Who.ID)
		}
	})
	knownUsers, err := q.UsersByID(s.Organization, users)
	if err != nil {
		return err
	}
	knownContacts, err := q.ContactsByID(s.Organization, contacts)
	if err != nil {
		return err
	}
	var wrong error
	parley.EachPart(body, func(path string, p *parley.Part) {
		if !p.Inline() || wrong != nil {
			return
		}
		name, there := "", false
		switch p.Who.Kind {
		case parley.ActorUser:
			if u := knownUsers[p.Who.ID]; u != nil && u.Active {
				name, there = u.Name, true
			}
		case parley.ActorContact:
			if c := knownContacts[p.Who.ID]; c != nil {
				name, there = contactName(c), true
			}
		default:
			name, there, wrong = s.standing(q, p.Who)
		}
		if !there && wrong == nil {
			wrong = parley.Invalid(path+".who.id", "who-unknown", "must be somebody of the organization")
		}
		p.Who.Name = name
	})
	return wrong
}

// contactName is what a contact is called, or its address.
func contactName(c *parley.Contact) string {
	if c.Name == "" && len(c.Addresses) > 0 {
		return c.Addresses[0].Value
	}
	return c.Name
}

// standing is the name of a team, a role or the organization.
func (s Sender) standing(q store.Queries, who parley.Actor) (name string, there bool, err error) {
	switch who.Kind {
	case parley.ActorTeam:
		var team parley.Team
		team, err = q.Team(s.Organization, who.ID)
		name = team.Name
	case parley.ActorRole:
		var role parley.Role
		role, err = duty.Get(q, s.Organization, who.ID)
		name = role.Name
	default:
		var o parley.Organization
		o, err = q.Organization(s.Organization)
		name = o.Name
	}
	if parley.IsKind(err, parley.KindNotFound) {
		return "", false, nil
	}
	return name, err == nil, err
}
