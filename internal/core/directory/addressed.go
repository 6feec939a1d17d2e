package directory

import (
	"context"
	"strings"

	"github.com/parley-server/parley/internal/core/access"
	"github.com/parley-server/parley/internal/parley"
	"github.com/parley-server/parley/internal/store"
	"github.com/parley-server/parley/internal/store/profile"
)

// Addressed are the users that ids, e-mail addresses and telephone numbers with a plus sign stand for, by those. Addresses are
// those of active users, and a number that several of them have stands for none.
func (d *Directory) Addressed(ctx context.Context, p *access.Principal, addresses ...string) (map[string]*parley.User, error) {
	if err := p.Require(parley.ScopeUsersRead); err != nil {
		return nil, err
	}
	q := d.store.Read(ctx)
	found, err := addressed(q, p.Organization, addresses)
	if err != nil {
		return nil, err
	}
	users := make([]*parley.User, 0, len(found))
	for _, u := range found {
		users = append(users, u)
	}
	return found, d.complete(ctx, q, p.Organization, users...)
}

func addressed(q store.Queries, organization parley.ID, addresses []string) (map[string]*parley.User, error) {
	var ids []parley.ID
	var emails, phones []string
	normal := map[string]string{}
	for _, address := range addresses {
		kind, list := parley.AddressEmail, &emails
		switch {
		case strings.Contains(address, "@"):
		case strings.HasPrefix(address, "+"):
			kind, list = parley.AddressPhone, &phones
		default:
			ids = append(ids, parley.ID(address))
			continue
		}
		if a, err := parley.NewAddress(kind, address); err == nil { // what is none is nobody's
			normal[address] = a.Value
			*list = append(*list, a.Value)
		}
	}
	byEmail, err := q.UsersByEmail(organization, emails)
	if err != nil {
		return nil, err
	}
	byPhone, err := profile.ByPhone(q, organization, phones)
	if err != nil {
		return nil, err
	}
	for _, list := range byPhone {
		ids = append(ids, list...)
	}
	byID, err := q.UsersByID(organization, ids)
	found := make(map[string]*parley.User, len(addresses))
	for _, address := range addresses {
		u := byID[parley.ID(address)]
		if value := normal[address]; value != "" {
			if u = byEmail[value]; u == nil {
				u = onlyActive(byPhone[value], byID)
			}
		}
		if u != nil {
			found[address] = u
		}
	}
	return found, err
}

// onlyActive is the one of some users that is active; nil where there are several.
func onlyActive(ids []parley.ID, users map[parley.ID]*parley.User) (only *parley.User) {
	for _, id := range ids {
		switch u := users[id]; {
		case u == nil || !u.Active:
		case only != nil:
			return nil
		default:
			only = u
		}
	}
	return only
}
