package directory

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/parley-server/parley/internal/core/access"
	"github.com/parley-server/parley/internal/parley"
	"github.com/parley-server/parley/internal/store"
	"github.com/parley-server/parley/internal/store/clock"
)

// OrganizationParams is an organization to make.
type OrganizationParams struct {
	Name string
	// Operator lets its first key make further organizations.
	Operator bool
	// Test makes it a test organization, for good.
	Test bool
}

// NewOrganization is an organization just made, with its first key.
type NewOrganization struct {
	Organization parley.Organization
	Key          access.NewKey
}

// CreateOrganization makes an organization with a machine user and a key that has every scope, and says
// whether the request was a repeat: then there is no key to show.
func (d *Directory) CreateOrganization(ctx context.Context, p *access.Principal, params OrganizationParams, i *access.Idempotency) (NewOrganization, bool, error) {
	if err := p.Require(parley.ScopeOrganizationsCreate); err != nil {
		return NewOrganization{}, false, err
	}
	var c check
	c.name(params.Name)
	if err := c.err(); err != nil {
		return NewOrganization{}, false, err
	}
	now := d.now(ctx, "")
	made := NewOrganization{Organization: parley.Organization{ID: parley.NewID(now), Name: params.Name, Test: params.Test}}
	if params.Test {
		made.Organization.ID = parley.NewTestID(now)
	}
	scopes := access.System("").Scopes()
	if params.Operator {
		scopes = append(scopes, parley.ScopeOrganizationsCreate)
	}
	key := access.FirstKey(now, made.Organization.ID, scopes)
	user := parley.User{ID: key.User, Name: "Administration", Machine: true, Active: true}
	replay, err := p.Once(ctx, d.store, i, 201, made.Organization.ID, func(tx *store.Tx) error {
		if err := tx.InsertOrganization(&made.Organization); err != nil {
			return err
		}
		if params.Test {
			if err := clock.Insert(tx, made.Organization.ID); err != nil {
				return err
			}
		}
		if err := p.Began(tx, &made.Organization); err != nil {
			return err
		}
		if err := tx.InsertUser(made.Organization.ID, &user); err != nil {
			return err
		}
		if err := tx.InsertKey(&key.Key); err != nil {
			return err
		}
		tx.Emit(made.Organization.ID, parley.Event{Type: parley.EventUserCreated, Subject: user.ID})
		tx.Emit(made.Organization.ID, parley.Event{Type: parley.EventKeyCreated, Subject: key.ID})
		return nil
	})
	if err != nil {
		return NewOrganization{}, false, err
	}
	if replay != nil {
		o, err := d.store.Read(ctx).Organization(replay.Resource)
		return NewOrganization{Organization: o}, true, err
	}
	made.Key = key
	return made, false, nil
}

// Organization returns the principal's organization.
func (d *Directory) Organization(ctx context.Context, p *access.Principal) (parley.Organization, error) {
	if err := p.Require(parley.ScopeOrganizationRead); err != nil {
		return parley.Organization{}, err
	}
	return d.store.Read(ctx).Organization(p.Organization)
}

// OrganizationPatch changes an organization. What is nil stays as it is.
type OrganizationPatch struct {
	Name       *string
	DefaultTTL *time.Duration
	MaxTTL     *time.Duration
	LockTTL    *bool

	DefinedAttributesOnly *bool

	AckWords *[]string
}

const maxTTL = 100 * 365 * 24 * time.Hour

// UpdateOrganization changes the principal's organization. An ifMatch that is not 0 must be its revision.
func (d *Directory) UpdateOrganization(ctx context.Context, p *access.Principal, patch OrganizationPatch, ifMatch int64) (parley.Organization, error) {
	if err := p.Require(parley.ScopeOrganizationWrite); err != nil {
		return parley.Organization{}, err
	}
	return written(ctx, d, p, func(tx *store.Tx) (parley.Organization, error) {
		o, err := tx.Organization(p.Organization)
		if err != nil {
			return o, err
		}
		if err := matchRev(ifMatch, o.Rev); err != nil {
			return o, err
		}
		before := o
		set(&o.Name, patch.Name)
		set(&o.Policy.DefaultTTL, patch.DefaultTTL)
		set(&o.Policy.MaxTTL, patch.MaxTTL)
		set(&o.Policy.LockTTL, patch.LockTTL)
		set(&o.Policy.DefinedAttributesOnly, patch.DefinedAttributesOnly)
		set(&o.Policy.AckWords, patch.AckWords)
		if err := checkOrganization(o); err != nil {
			return o, err
		}
		emit(tx, p, parley.EventOrganizationUpdated, o.ID)
		if err := auditOrganization(tx, p, before, o); err != nil {
			return o, err
		}
		err = tx.UpdateOrganization(&o)
		return o, err
	})
}

// auditOrganization tells the audit log of a change; of the policy by itself.
func auditOrganization(tx *store.Tx, p *access.Principal, before, o parley.Organization) error {
	var own, policy parley.Changes
	own.Set("name", before.Name, o.Name)
	policy.Set("policy.defaultTtl", before.Policy.DefaultTTL, o.Policy.DefaultTTL)
	policy.Set("policy.maxTtl", before.Policy.MaxTTL, o.Policy.MaxTTL)
	policy.Set("policy.lockTtl", before.Policy.LockTTL, o.Policy.LockTTL)
	policy.Set("policy.definedAttributesOnly", before.Policy.DefinedAttributesOnly, o.Policy.DefinedAttributesOnly)
	policy.Set("policy.ackWords", before.Policy.Words(), o.Policy.Words())
	if len(policy) > 0 {
		if err := p.Did(tx, parley.ActPolicyUpdated, o.ID, policy); err != nil {
			return err
		}
	}
	if len(own) > 0 || len(policy) == 0 {
		return p.Did(tx, parley.ActOrganizationUpdated, o.ID, own)
	}
	return nil
}

func checkOrganization(o parley.Organization) error {
	var c check
	c.name(o.Name)
	if t := o.Policy.DefaultTTL; t < 0 || t > maxTTL {
		c.refuse("policy.defaultTtl", "out-of-range", "must be 0 to %d seconds", int64(maxTTL.Seconds()))
	}
	if t := o.Policy.MaxTTL; t < 0 || t > maxTTL {
		c.refuse("policy.maxTtl", "out-of-range", "must be 0 to %d seconds", int64(maxTTL.Seconds()))
	}
	if o.Policy.MaxTTL > 0 && o.Policy.DefaultTTL > o.Policy.MaxTTL {
		c.refuse("policy.defaultTtl", "out-of-range", "must not be longer than policy.maxTtl")
	}
	c.ackWords(o.Policy.AckWords)
	return c.err()
}

// Limits of the words by which messages are acknowledged.
const (
	maxAckWords = 50
	maxAckWord  = 40 // characters
)

func (c *check) ackWords(words []string) {
	if len(words) > maxAckWords {
		c.refuse("policy.ackWords", "too-many", "must be at most %d", maxAckWords)
	}
	for i, word := range words {
		field := fmt.Sprintf("policy.ackWords[%d]", i)
		if strings.TrimSpace(word) == "" || strings.TrimSpace(word) != word {
			c.refuse(field, "required", "must be a word without space around it")
		}
		c.text(field, word, false, maxAckWord)
	}
}
