package disk

import (
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
)

// page is what a disk writes whole, or not at all.
const page = 4096

// Survival says what was not synced and is there nevertheless.
type Survival interface {
	// names of n changes of a folder's names survive, counted from the first: file systems keep their order.
	names(n int) int
	// versions of n changes of a page survive, counted from the first.
	versions(n int) int
}

// Nothing survives that was not synced.
func Nothing() Survival { return nothing{} }

type nothing struct{}

func (nothing) names(int) int    { return 0 }
func (nothing) versions(int) int { return 0 }

// Some survives at random, page by page: disks and kernels write in any order.
func Some(random *rand.Rand) Survival { return some{random} }

type some struct{ random *rand.Rand }

func (s some) names(n int) int    { return s.random.IntN(n + 1) }
func (s some) versions(n int) int { return s.random.IntN(n + 1) }

type everything struct{}

func (everything) names(n int) int    { return n }
func (everything) versions(n int) int { return n }

// Image rebuilds in a new folder what a loss of power after the first n calls left.
func (r *Recording) Image(n int, survival Survival, into string) error {
	if err := os.MkdirAll(into, 0o700); err != nil {
		return err
	}
	for path, content := range r.replay(n).files(survival) {
		full := filepath.Join(into, path)
		if err := os.MkdirAll(filepath.Dir(full), 0o700); err != nil {
			return err
		}
		if err := os.WriteFile(full, content, 0o600); err != nil {
			return err
		}
	}
	return nil
}

// tree is the disk while calls are replayed: what is safe, and what waits to be.
type tree struct {
	names    map[string]*node // safe
	current  map[string]*node // as the program sees them
	waiting  map[string][]int // by folder: calls that changed its names
	ops      []op
	nodes    map[*file]*node
	sequence []string // folders in the order in which they first waited
}

// node is a file or folder.
type node struct {
	dir     bool
	safe    []byte
	waiting []int // calls that changed the content
}

// replay runs the first n calls.
func (r *Recording) replay(n int) *tree {
	t := &tree{names: map[string]*node{}, current: map[string]*node{}, waiting: map[string][]int{}, ops: r.ops, nodes: map[*file]*node{}}
	for path, was := range r.before {
		n := &node{dir: was.file == nil, safe: slices.Clone(was.content)}
		t.names[path], t.current[path] = n, n
		if was.file != nil {
			t.nodes[was.file] = n
		}
	}
	for i := range n {
		t.apply(i)
	}
	return t
}

func (t *tree) apply(i int) {
	o := &t.ops[i]
	switch o.kind {
	case opWrite, opTruncate:
		n := t.nodes[o.file]
		n.waiting = append(n.waiting, i)
	case opSync:
		n := t.nodes[o.file]
		done := 0
		for done < len(n.waiting) && n.waiting[done] < o.began {
			n.safe = t.change(n.safe, n.waiting[done])
			done++
		}
		n.waiting = n.waiting[done:]
	case opSyncDir:
		waiting := t.waiting[o.path]
		done := 0
		for done < len(waiting) && waiting[done] < o.began {
			t.rename(t.names, waiting[done])
			done++
		}
		t.waiting[o.path] = waiting[done:]
	default:
		if o.kind == opCreate {
			t.nodes[o.file] = &node{}
		}
		t.rename(t.current, i)
		dir := folderOf(o)
		if t.waiting[dir] == nil {
			t.sequence = append(t.sequence, dir)
		}
		t.waiting[dir] = append(t.waiting[dir], i)
	}
}

// folderOf is the folder whose sync makes the change of a name safe.
func folderOf(o *op) string {
	if o.kind == opRename {
		return filepath.Dir(o.to)
	}
	return filepath.Dir(o.path)
}

// rename applies a change of names.
func (t *tree) rename(names map[string]*node, i int) {
	switch o := &t.ops[i]; o.kind {
	case opCreate:
		names[o.path] = t.nodes[o.file]
	case opMakeDir:
		names[o.path] = &node{dir: true}
	case opRename:
		if n := names[o.path]; n != nil {
			delete(names, o.path)
			names[o.to] = n
		}
	case opRemove:
		delete(names, o.path)
	}
}

// change applies a write or a truncation to a content.
func (t *tree) change(content []byte, i int) []byte {
	o := &t.ops[i]
	if o.kind == opTruncate {
		return resize(content, int(o.off))
	}
	return overwrite(content, o.off, o.data)
}

func overwrite(content []byte, off int64, data []byte) []byte {
	if end := int(off) + len(data); end > len(content) {
		content = resize(content, end)
	}
	copy(content[off:], data)
	return content
}

func resize(content []byte, size int) []byte {
	if size <= len(content) {
		return content[:size]
	}
	return append(content, make([]byte, size-len(content))...)
}

// files is what is on the disk, by path.
func (t *tree) files(survival Survival) map[string][]byte {
	names := maps.Clone(t.names)
	for _, dir := range t.sequence {
		waiting := t.waiting[dir]
		for _, i := range waiting[:survival.names(len(waiting))] {
			t.rename(names, i)
		}
	}
	files := map[string][]byte{}
	for _, path := range slices.Sorted(maps.Keys(names)) { // sorted: chance is asked in a fixed order
		if n := names[path]; !n.dir && reachable(names, path) {
			files[path] = t.content(n, survival)
		}
	}
	return files
}

func reachable(names map[string]*node, path string) bool {
	for dir := filepath.Dir(path); dir != "."; dir = filepath.Dir(dir) {
		if n := names[dir]; n == nil || !n.dir {
			return false
		}
	}
	return true
}

// content is the safe content with the surviving versions of its pages. A truncation that does not survive
// takes with it all that came after it.
func (t *tree) content(n *node, survival Survival) []byte {
	content := slices.Clone(n.safe)
	rest := n.waiting
	for {
		end := slices.IndexFunc(rest, func(i int) bool { return t.ops[i].kind == opTruncate })
		if end < 0 {
			return t.pages(content, rest, survival)
		}
		if survival.versions(1) == 0 {
			return t.pages(content, rest[:end], survival)
		}
		content = resize(t.pages(content, rest[:end], survival), int(t.ops[rest[end]].off))
		rest = rest[end+1:]
	}
}

// pages applies writes page by page, as many to each as survive.
func (t *tree) pages(content []byte, writes []int, survival Survival) []byte {
	changes := map[int64][]int{}
	var order []int64
	for _, i := range writes {
		o := &t.ops[i]
		for p := o.off / page; p*page < o.off+int64(len(o.data)); p++ {
			if changes[p] == nil {
				order = append(order, p)
			}
			changes[p] = append(changes[p], i)
		}
	}
	for _, p := range order {
		for _, i := range changes[p][:survival.versions(len(changes[p]))] {
			o := &t.ops[i]
			from, to := max(o.off, p*page), min(o.off+int64(len(o.data)), (p+1)*page)
			content = overwrite(content, from, o.data[from-o.off:to-o.off])
		}
	}
	return content
}
