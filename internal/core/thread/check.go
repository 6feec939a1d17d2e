package thread

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/parley-server/parley/internal/core/access"
	"github.com/parley-server/parley/internal/parley"
	"github.com/parley-server/parley/internal/store"
)

// Limits of what a conversation is labelled with, in characters and entries.
const (
	maxTitle       = 200
	maxDescription = 2000
	maxTags        = 50
	maxTag         = 100
	maxMetadata    = 100
	maxFact        = 4000
	maxAssignees   = 50
)

// check collects the wrong fields of a request.
type check struct{ wrong []parley.FieldError }

func (c *check) refuse(field, code, format string, args ...any) {
	c.wrong = append(c.wrong, parley.FieldError{Field: field, Code: code, Message: fmt.Sprintf(format, args...)})
}

func (c *check) err() error { return parley.InvalidFields(c.wrong) }

func (c *check) text(field, value string, most int) {
	if !utf8.ValidString(value) || strings.IndexByte(value, 0) >= 0 {
		c.refuse(field, "text-invalid", "must be UTF-8 without the character U+0000")
	} else if len(value) > most && utf8.RuneCountInString(value) > most {
		c.refuse(field, "too-long", "must be at most %d characters", most)
	}
}

// labels checks what people write on a conversation, and returns its tags, each once.
func (c *check) labels(conversation *parley.Conversation) (tags []string) {
	c.text("title", conversation.Title, maxTitle)
	c.text("description", conversation.Description, maxDescription)
	for i, tag := range conversation.Tags {
		if strings.TrimSpace(tag) == "" {
			c.refuse(fmt.Sprintf("tags[%d]", i), "required", "must not be blank")
		}
		c.text(fmt.Sprintf("tags[%d]", i), tag, maxTag)
		if !slices.Contains(tags, tag) {
			tags = append(tags, tag)
		}
	}
	if len(tags) > maxTags {
		c.refuse("tags", "too-many", "must be at most %d", maxTags)
	}
	if len(conversation.Metadata) > maxMetadata {
		c.refuse("metadata", "too-many", "must be at most %d entries", maxMetadata)
	}
	for key, value := range conversation.Metadata {
		c.text("metadata", key, maxTag)
		c.text("metadata."+key, value, maxFact)
	}
	if len(conversation.Assignees) > maxAssignees {
		c.refuse("assignees", "too-many", "must be at most %d", maxAssignees)
	}
	return tags
}

// checkNamed refuses assignees and an avatar that do not exist.
func checkNamed(q store.Queries, p *access.Principal, conversation *parley.Conversation) error {
	var c check
	if err := c.assignees(q, p, conversation.Assignees); err != nil {
		return err
	}
	if conversation.Avatar != "" {
		file, err := q.Media(p.Organization, conversation.Avatar)
		if parley.IsKind(err, parley.KindNotFound) || err == nil && p.Personal && file.Uploader != p.User {
			c.refuse("avatar", "media-unknown", "must be the id of a file that you uploaded")
		} else if err != nil {
			return err
		}
	}
	return c.err()
}

func (c *check) assignees(q store.Queries, p *access.Principal, assignees []parley.Assignee) error {
	var users []parley.ID
	for _, a := range assignees {
		users = append(users, a.ID)
	}
	known, err := q.UsersByID(p.Organization, users)
	if err != nil {
		return err
	}
	for i, a := range assignees {
		field := fmt.Sprintf("assignees[%d]", i)
		switch a.Kind {
		case parley.ActorUser:
			if u := known[a.ID]; u == nil || !u.Active {
				c.refuse(field+".id", "user-unknown", "must be the id of an active user")
			}
		case parley.ActorTeam:
			_, err := q.Team(p.Organization, a.ID)
			if parley.IsKind(err, parley.KindNotFound) {
				c.refuse(field+".id", "team-unknown", "must be the id of a team")
			} else if err != nil {
				return err
			}
		default:
			c.refuse(field+".kind", "value-unknown", "must be user or team")
		}
		if slices.Contains(assignees[:i], a) {
			c.refuse(field, "duplicate", "is named twice")
		}
	}
	return nil
}
