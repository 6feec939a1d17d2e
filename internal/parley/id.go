package parley

import (
	"crypto/rand"
	"encoding/base32"
	"encoding/binary"
	"encoding/hex"
	"strings"
	"sync/atomic"
	"time"
)

// ID names one thing of one organization: 12 bytes, ordered by the second it was
// made in, written as 20 lower-case base32hex characters. Ids are unique within an
// organization and never define order; sequences do.
type ID string

// IDLength is the length of an ID in characters.
const IDLength = 20

var idEncoding = base32.NewEncoding("0123456789abcdefghijklmnopqrstuv").WithPadding(base32.NoPadding)

var (
	idNode    = randomBytes(5)
	idCounter atomic.Uint32
)

func init() { idCounter.Store(binary.BigEndian.Uint32(randomBytes(4))) }

func randomBytes(n int) []byte {
	b := make([]byte, n)
	_, _ = rand.Read(b) // never fails: crypto/rand aborts the program instead
	return b
}

// NewID returns an id for something made at the given time.
func NewID(at time.Time) ID {
	var b [12]byte
	binary.BigEndian.PutUint32(b[0:], uint32(at.Unix()))
	copy(b[4:9], idNode)
	n := idCounter.Add(1)
	b[9], b[10], b[11] = byte(n>>16), byte(n>>8), byte(n)
	return IDFromBytes(b)
}

// IDFromBytes returns the id with these 12 bytes.
func IDFromBytes(b [12]byte) ID { return ID(idEncoding.EncodeToString(b[:])) }

// Bytes returns the 12 bytes of a valid id.
func (id ID) Bytes() (b [12]byte, ok bool) {
	if len(id) != IDLength {
		return b, false
	}
	n, err := idEncoding.Decode(b[:], []byte(id))
	return b, err == nil && n == len(b) && IDFromBytes(b) == id
}

// Hex is the id as 24 lower-case hex characters, and UUID as a UUID in the layout of version 4. They are other spellings of
// the same 12 bytes, for doors whose clients expect them; what is no valid id has none.
func (id ID) Hex() string {
	b, ok := id.Bytes()
	if !ok {
		return ""
	}
	return hex.EncodeToString(b[:])
}

// IDFromHex reads what Hex writes, in either case.
func IDFromHex(text string) (ID, bool) {
	var b [12]byte
	if len(text) != hex.EncodedLen(len(b)) {
		return "", false
	}
	_, err := hex.Decode(b[:], []byte(text))
	return IDFromBytes(b), err == nil
}

// UUID is the id in the layout of a UUID of version 4 (RFC 9562): its 12 bytes around the digits of version and variant, and
// zeros at the end.
func (id ID) UUID() string {
	h := id.Hex()
	if h == "" {
		return ""
	}
	return h[:8] + "-" + h[8:12] + "-4" + h[12:15] + "-8" + h[15:18] + "-" + h[18:] + uuidFill
}

const (
	uuidFill   = "000000"
	uuidLength = 36
)

// IDFromUUID reads what UUID writes, in either case. Any other UUID is the id of nothing.
func IDFromUUID(text string) (ID, bool) {
	t := strings.ToLower(text)
	if len(t) != uuidLength {
		return "", false
	}
	id, ok := IDFromHex(t[:8] + t[9:13] + t[15:18] + t[20:23] + t[24:30])
	return id, ok && id.UUID() == t
}

// testMark is what the ids of test organizations have in this place. So every node knows what has a clock of its own, and
// nobody has to ask for organizations that have none. Another id has it by chance once in a million: it only costs a look.
const (
	testMark   = "test"
	testMarkAt = 15
)

// NewTestID returns an id for a test organization.
func NewTestID(at time.Time) ID {
	var b [12]byte
	binary.BigEndian.PutUint32(b[0:], uint32(at.Unix()))
	copy(b[4:], randomBytes(8)) // what a counter would tell apart, the mark overwrites
	id := IDFromBytes(b)
	return id[:testMarkAt] + testMark + id[testMarkAt+len(testMark):]
}

// OfTest reports whether an organization with this id may be a test organization.
func (id ID) OfTest() bool {
	return len(id) == IDLength && id[testMarkAt:testMarkAt+len(testMark)] == testMark
}

// Valid reports whether id has the form of an id.
func (id ID) Valid() bool {
	_, ok := id.Bytes()
	return ok
}
