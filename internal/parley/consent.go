package parley

import (
	"crypto/sha256"
	"encoding/base64"
	"slices"
	"strings"
	"time"
	"unicode"
)

// MessageClass says what a message to somebody outside is for.
type MessageClass string

// The classes of messages.
const (
	ClassTransactional  MessageClass = "transactional" // about something that the recipient does or has; the default
	ClassService        MessageClass = "service"       // help, and answers to what the recipient asked
	ClassAuthentication MessageClass = "authentication"
	ClassMarketing      MessageClass = "marketing"
)

// ClassAll stands for every class in a suppression.
const ClassAll MessageClass = "all"

// MessageClasses are all classes that a message can have.
var MessageClasses = []MessageClass{ClassTransactional, ClassService, ClassAuthentication, ClassMarketing}

// Valid reports whether a message can have the class.
func (c MessageClass) Valid() bool { return slices.Contains(MessageClasses, c) }

// SuppressionReason is why an address is not written to.
type SuppressionReason string

// The reasons.
const (
	ReasonUser      SuppressionReason = "user"      // who has the address said so
	ReasonAdmin     SuppressionReason = "admin"     // the organization decided so
	ReasonBounce    SuppressionReason = "bounce"    // a provider says that it does not exist
	ReasonComplaint SuppressionReason = "complaint" // a provider says that messages to it are reported as spam
	ReasonKeyword   SuppressionReason = "keyword"   // a message from it was a keyword for this
)

// SuppressionReasons are all reasons.
var SuppressionReasons = []SuppressionReason{ReasonUser, ReasonAdmin, ReasonBounce, ReasonComplaint, ReasonKeyword}

// Suppression keeps messages of a class from an address, whoever has it.
type Suppression struct {
	ID        ID
	Address   Address // of an address that was erased only its hash is left; see Address.Hashed
	Platform  string  // on which; empty: on all
	Class     MessageClass
	Reason    SuppressionReason
	Note      string
	Actor     ID // the user who added it; empty: the server
	Message   ID // that brought it: a keyword, or one that bounced
	CreatedAt time.Time
}

// Stops reports whether the suppression keeps messages of a class on a platform from its address.
func (s *Suppression) Stops(platform string, class MessageClass) bool {
	return (s.Platform == "" || s.Platform == platform) && (s.Class == ClassAll || s.Class == class)
}

// hashedPrefix begins the value of a hashed address. No address of a checked kind looks like it.
const hashedPrefix = "sha256/"

// Hashed is what stays of an address in an organization after it was erased, so that who did not want to be written to is
// not written to when the address comes again.
func (a Address) Hashed(organization ID) Address {
	if a.IsHashed() {
		return a
	}
	sum := sha256.Sum256([]byte(string(organization) + "\x00" + a.String()))
	return Address{Kind: a.Kind, Value: hashedPrefix + base64.RawURLEncoding.EncodeToString(sum[:])}
}

// IsHashed reports whether the value is a hash.
func (a Address) IsHashed() bool { return strings.HasPrefix(a.Value, hashedPrefix) }

// BlockedSender is somebody whose messages are kept apart: a contact with all that identifies it, or an address.
type BlockedSender struct {
	ID        ID
	Contact   ID
	Address   Address
	Note      string
	Actor     ID // the user who blocked it
	Parked    int64
	CreatedAt time.Time
}

// KeywordAction is what a keyword from outside does.
type KeywordAction string

// The actions.
const (
	KeywordStop  KeywordAction = "stop"  // no more messages to the address
	KeywordStart KeywordAction = "start" // messages again
	KeywordHelp  KeywordAction = "help"  // only the answer
)

// KeywordActions are all actions.
var KeywordActions = []KeywordAction{KeywordStop, KeywordStart, KeywordHelp}

// Keyword is a rule for messages from outside that are one of some words and nothing else.
type Keyword struct {
	Action   KeywordAction
	Platform string       // on which; empty: on all
	Locale   string       // of the words, such as "tr"; empty: any
	Words    []string     // none: the usual ones of the action and the locale
	Class    MessageClass // of KeywordStop: what is not wanted any more; empty: everything
	Answer   string       // what is answered when it changes something; empty: nothing
}

// usualWords are what carriers and providers take for keywords, by language.
var usualWords = map[string]map[KeywordAction][]string{
	"":   {KeywordStop: {"STOP", "STOPALL", "UNSUBSCRIBE", "OPTOUT"}, KeywordStart: {"START", "UNSTOP", "SUBSCRIBE"}, KeywordHelp: {"HELP", "INFO"}},
	"de": {KeywordStop: {"STOPP", "ABMELDEN"}, KeywordStart: {"ANMELDEN"}, KeywordHelp: {"HILFE"}},
	"es": {KeywordStop: {"ALTO", "PARAR", "BAJA"}, KeywordStart: {"ALTA", "INICIAR"}, KeywordHelp: {"AYUDA"}},
	"fr": {KeywordStop: {"ARRET", "ARRÊT"}, KeywordStart: {"DEBUT", "DÉBUT"}, KeywordHelp: {"AIDE"}},
	"nl": {KeywordStop: {"STOPPEN", "AFMELDEN"}, KeywordStart: {"AANMELDEN"}, KeywordHelp: {"HULP"}},
	"pt": {KeywordStop: {"PARAR", "SAIR"}, KeywordStart: {"INICIAR"}, KeywordHelp: {"AJUDA"}},
	"tr": {KeywordStop: {"DUR", "İPTAL", "RET"}, KeywordStart: {"BAŞLA"}, KeywordHelp: {"YARDIM"}},
}

// All are the words of the rule: its own, else the usual ones.
func (k *Keyword) All() []string {
	if len(k.Words) > 0 {
		return k.Words
	}
	words := usualWords[""][k.Action]
	language, _, _ := strings.Cut(k.Locale, "-")
	if own := usualWords[language]; language != "" && own != nil {
		words = append(slices.Clone(words), own[k.Action]...)
	}
	return words
}

// Matches reports whether a text is one of the words and nothing else. Case, spaces around it, and signs at its ends do not count.
func (k *Keyword) Matches(text string) bool {
	if text = bare(text); text == "" || len(text) > maxKeyword {
		return false
	}
	language, _, _ := strings.Cut(k.Locale, "-")
	dotted := language == "tr" || language == "az" // where i and ı are letters of their own
	return slices.ContainsFunc(k.All(), func(word string) bool {
		word = bare(word)
		return fold(word) == fold(text) ||
			dotted && strings.ToLowerSpecial(unicode.TurkishCase, word) == strings.ToLowerSpecial(unicode.TurkishCase, text)
	})
}

// maxKeyword is how many octets a message that is a keyword has at most.
const maxKeyword = 200

// bare is a text without what is no letter, number or mark at its ends.
func bare(text string) string {
	return strings.TrimFunc(text, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsNumber(r) && !unicode.IsMark(r) })
}

// fold makes texts equal that differ in case only, also where a letter has several lower cases.
func fold(text string) string { return strings.ToLower(strings.ToUpper(text)) }

// DossierState is where an export or an erasure of a contact's data stands.
type DossierState string

// The states.
const (
	DossierPending DossierState = "pending" // it waits, or is under way
	DossierReady   DossierState = "ready"   // of an export: the file is there
	DossierExpired DossierState = "expired" // of an export: the file is gone
	DossierHeld    DossierState = "held"    // of an erasure: a legal hold keeps what is left
	DossierDone    DossierState = "done"    // of an erasure
)

// ContactExport is a copy of all that is kept about a contact, as a file.
type ContactExport struct {
	ID        ID
	Contact   ID
	Actor     ID // the user who asked, and whose file it is
	State     DossierState
	Media     ID // the file, a zip archive
	Size      int64
	CreatedAt time.Time
	ReadyAt   time.Time
	ExpiresAt time.Time // of the file
}

// ContactErasure is the end of a contact: of all that is kept about it.
type ContactErasure struct {
	Contact   ID
	Actor     ID // the user who asked
	State     DossierState
	Messages  int64 // whose content went
	CreatedAt time.Time
	EndedAt   time.Time
}
