package directory

import (
	"context"
	"fmt"
	"maps"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/parley-server/parley/internal/core/access"
	"github.com/parley-server/parley/internal/core/hours"
	"github.com/parley-server/parley/internal/core/limits"
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
	if err := c.Err(); err != nil {
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
	Retention  map[parley.ConversationKind]*time.Duration // one by one; nil removes one

	DefinedAttributesOnly *bool

	Quiet *parley.QuietHours // without intervals: none

	Keywords *[]parley.Keyword      // all of them
	Limits   *[]parley.ContactLimit // all of them
	AckWords *[]string

	RemindEvery *time.Duration
	RemindTimes *int

	FallbackContent *parley.FallbackContent
	FallbackText    *string
	FallbackReplies *bool

	NoHighPriority, NoImages, NoFiles *bool
}

// Limits of policies.
const (
	maxTTL       = 100 * 365 * 24 * time.Hour
	minRetention = time.Hour
)

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
		if err := parley.MatchRev(ifMatch, o.Rev); err != nil {
			return o, err
		}
		before := o
		parley.Set(&o.Name, patch.Name)
		parley.Set(&o.Policy.DefaultTTL, patch.DefaultTTL)
		parley.Set(&o.Policy.MaxTTL, patch.MaxTTL)
		parley.Set(&o.Policy.LockTTL, patch.LockTTL)
		parley.Set(&o.Policy.Quiet, patch.Quiet)
		parley.Set(&o.Policy.DefinedAttributesOnly, patch.DefinedAttributesOnly)
		parley.Set(&o.Policy.Keywords, patch.Keywords)
		parley.Set(&o.Policy.ContactLimits, patch.Limits)
		o.Policy.Retention = changeRetention(o.Policy.Retention, patch.Retention)
		parley.Set(&o.Policy.AckWords, patch.AckWords)
		parley.Set(&o.Policy.FallbackContent, patch.FallbackContent)
		parley.Set(&o.Policy.FallbackText, patch.FallbackText)
		parley.Set(&o.Policy.FallbackReplies, patch.FallbackReplies)
		parley.Set(&o.Policy.NoHighPriority, patch.NoHighPriority)
		parley.Set(&o.Policy.NoImages, patch.NoImages)
		parley.Set(&o.Policy.NoFiles, patch.NoFiles)
		if patch.RemindEvery != nil || patch.RemindTimes != nil {
			reminders := o.Policy.Reminding()
			parley.Set(&reminders.Every, patch.RemindEvery)
			parley.Set(&reminders.Times, patch.RemindTimes)
			o.Policy.Reminders = &reminders
		}
		if err := checkOrganization(o, !reflect.DeepEqual(o.Policy, before.Policy)); err != nil {
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
	for _, kind := range parley.ConversationKinds {
		policy.Set("policy.retention."+string(kind), before.Policy.Retention[kind], o.Policy.Retention[kind])
	}
	policy.Set("policy.definedAttributesOnly", before.Policy.DefinedAttributesOnly, o.Policy.DefinedAttributesOnly)
	policy.Name("policy.quietHours", !reflect.DeepEqual(before.Policy.Quiet, o.Policy.Quiet))
	policy.Set("policy.contactLimits", limits.Texts(before.Policy.ContactLimits), limits.Texts(o.Policy.ContactLimits))
	policy.Name("policy.keywords", !reflect.DeepEqual(before.Policy.Keywords, o.Policy.Keywords))
	policy.Set("policy.ackWords", before.Policy.Words(), o.Policy.Words())
	policy.Set("policy.fallbackContent", before.Policy.FallbackContent, o.Policy.FallbackContent)
	policy.Set("policy.fallbackText", before.Policy.FallbackText, o.Policy.FallbackText)
	policy.Set("policy.fallbackReplies", before.Policy.FallbackReplies, o.Policy.FallbackReplies)
	policy.Set("policy.noHighPriority", before.Policy.NoHighPriority, o.Policy.NoHighPriority)
	policy.Set("policy.noImages", before.Policy.NoImages, o.Policy.NoImages)
	policy.Set("policy.noFiles", before.Policy.NoFiles, o.Policy.NoFiles)
	policy.Set("policy.reminders.every", before.Policy.Reminding().Every, o.Policy.Reminding().Every)
	policy.Set("policy.reminders.times", before.Policy.Reminding().Times, o.Policy.Reminding().Times)
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

func changeRetention(now map[parley.ConversationKind]time.Duration, changes map[parley.ConversationKind]*time.Duration) map[parley.ConversationKind]time.Duration {
	if len(changes) == 0 {
		return now
	}
	became := make(map[parley.ConversationKind]time.Duration, len(now)+len(changes))
	maps.Copy(became, now)
	for kind, keep := range changes {
		if keep == nil {
			delete(became, kind)
		} else {
			became[kind] = *keep
		}
	}
	return became
}

// checkOrganization checks what an organization becomes. The policy of one that was made before a rule stays as it is, as
// long as nobody changes it.
func checkOrganization(o parley.Organization, policy bool) error {
	var c check
	c.name(o.Name)
	if policy {
		checkPolicy(&c, &o.Policy)
	}
	c.Wrong = append(c.Wrong, hours.CheckQuiet("policy.quietHours", &o.Policy.Quiet)...)
	c.Wrong = append(c.Wrong, limits.Check("policy.contactLimits", o.Policy.ContactLimits)...)
	c.keywords("policy.keywords", o.Policy.Keywords)
	c.ackWords(o.Policy.AckWords)
	c.reminders(o.Policy.Reminding())
	oneOf(&c, "policy.fallbackContent", o.Policy.FallbackContent, parley.FallbackNone, parley.FallbackFull)
	c.Text("policy.fallbackText", o.Policy.FallbackText, false, maxFallbackText)
	return c.Err()
}

// Limits of keywords.
const (
	maxKeywords     = 50
	maxKeywordWords = 100
	maxKeywordWord  = 50
	maxAnswer       = 1600
)

var localeForm = regexp.MustCompile(`^[a-z]{2,3}(-[A-Za-z0-9]{2,8})*$`)

// keywords checks rules for keywords. One that can never be reached, as earlier ones have all its words, contradicts them.
func (c *check) keywords(field string, rules []parley.Keyword) {
	c.atMost(field, len(rules), maxKeywords)
	for i := range rules {
		k := &rules[i]
		at := fmt.Sprintf("%s[%d]", field, i)
		oneOf(c, at+".action", k.Action, parley.KeywordActions...)
		if k.Action == "" {
			c.Refuse(at+".action", "required", "must be stop, start or help")
		}
		c.Text(at+".platform", k.Platform, false, 50)
		if k.Locale != "" && !localeForm.MatchString(k.Locale) {
			c.Refuse(at+".locale", "text-invalid", "must be a language, such as en or pt-BR")
		}
		if k.Class != "" && !k.Class.Valid() && k.Class != parley.ClassAll {
			c.Refuse(at+".class", "value-unknown", "must be all or one of %v", parley.MessageClasses)
		} else if k.Class != "" && k.Action != parley.KeywordStop {
			c.Refuse(at+".class", "not-allowed", "goes with the action stop only")
		}
		c.Text(at+".answer", k.Answer, false, maxAnswer)
		c.atMost(at+".words", len(k.Words), maxKeywordWords)
		for n, word := range k.Words {
			c.Text(fmt.Sprintf("%s.words[%d]", at, n), word, true, maxKeywordWord)
			if !k.Matches(word) {
				c.Refuse(fmt.Sprintf("%s.words[%d]", at, n), "text-invalid", "must have a letter or a digit")
			}
		}
		if other := shadow(rules[:i], k); other >= 0 {
			c.Refuse(at, "policy-contradicts", "can never count: %s[%d] has all its words", field, other)
		}
	}
}

// shadow returns the first of some rules that has all words of a later one; -1 where there is none.
func shadow(rules []parley.Keyword, k *parley.Keyword) int {
	return slices.IndexFunc(rules, func(earlier parley.Keyword) bool {
		return (earlier.Platform == "" || earlier.Platform == k.Platform) &&
			!slices.ContainsFunc(k.All(), func(word string) bool { return !earlier.Matches(word) })
	})
}

// checkPolicy refuses a policy that nobody could follow, or that contradicts itself.
func checkPolicy(c *check, p *parley.Policy) {
	const contradicts = "policy-contradicts"
	if t := p.DefaultTTL; t < 0 || t > maxTTL {
		c.Refuse("policy.defaultTtl", "out-of-range", "must be 0 to %d seconds", int64(maxTTL.Seconds()))
	}
	if t := p.MaxTTL; t < 0 || t > maxTTL {
		c.Refuse("policy.maxTtl", "out-of-range", "must be 0 to %d seconds", int64(maxTTL.Seconds()))
	}
	if p.MaxTTL > 0 && p.DefaultTTL > p.MaxTTL {
		c.Refuse("policy.defaultTtl", contradicts, "%d seconds are longer than policy.maxTtl, which is %d", int64(p.DefaultTTL.Seconds()), int64(p.MaxTTL.Seconds()))
	}
	if p.LockTTL && p.DefaultTTL == 0 {
		c.Refuse("policy.lockTtl", contradicts, "there is nothing to lock: policy.defaultTtl is 0")
	}
	for _, kind := range slices.Sorted(maps.Keys(p.Retention)) {
		field, keep := "policy.retention."+string(kind), p.Retention[kind]
		switch {
		case !slices.Contains(parley.ConversationKinds, kind):
			c.Refuse(field, "value-unknown", "must be a kind of conversations, one of %v", parley.ConversationKinds)
		case keep < minRetention || keep > maxTTL:
			c.Refuse(field, "out-of-range", "must be %d to %d seconds", int64(minRetention.Seconds()), int64(maxTTL.Seconds()))
		case keep < p.DefaultTTL && p.LockTTL:
			c.Refuse(field, contradicts, "%d seconds are shorter than the ttl that policy.lockTtl fixes at %d", int64(keep.Seconds()), int64(p.DefaultTTL.Seconds()))
		case keep < p.DefaultTTL:
			c.Refuse(field, contradicts, "%d seconds are shorter than policy.defaultTtl, which is %d", int64(keep.Seconds()), int64(p.DefaultTTL.Seconds()))
		}
	}
}

// Limits of reminders.
const (
	minRemindEvery = 30 * time.Second
	maxRemindEvery = 24 * time.Hour
	maxRemindTimes = 100
)

const maxFallbackText = 160 // characters: of one short message

func (c *check) reminders(r parley.Reminders) {
	if r.Every != 0 && (r.Every < minRemindEvery || r.Every > maxRemindEvery) {
		c.Refuse("policy.reminders.every", "out-of-range", "must be 0, or %d to %d seconds", int64(minRemindEvery.Seconds()), int64(maxRemindEvery.Seconds()))
	}
	if r.Times < 0 || r.Times > maxRemindTimes {
		c.Refuse("policy.reminders.times", "out-of-range", "must be 0 to %d", maxRemindTimes)
	}
}

// Limits of the words by which messages are acknowledged.
const (
	maxAckWords = 50
	maxAckWord  = 40 // characters
)

func (c *check) ackWords(words []string) {
	if len(words) > maxAckWords {
		c.Refuse("policy.ackWords", "too-many", "must be at most %d", maxAckWords)
	}
	for i, word := range words {
		field := fmt.Sprintf("policy.ackWords[%d]", i)
		if strings.TrimSpace(word) == "" || strings.TrimSpace(word) != word {
			c.Refuse(field, "required", "must be a word without space around it")
		}
		c.Text(field, word, false, maxAckWord)
	}
}
