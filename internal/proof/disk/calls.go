package disk

import (
	"errors"
	"fmt"
	"path/filepath"
	"strconv"
	"strings"
)

func (p *parser) add(c *call, o op) {
	o.at, o.began = c.at, c.began
	p.recording.ops = append(p.recording.ops, o)
}

// done takes in a call that returned. Calls that failed changed nothing.
func (p *parser) done(c *call) error {
	if strings.HasPrefix(c.result, "-1") || c.name == "close" {
		return nil
	}
	switch c.name {
	case "openat", "open", "creat":
		return p.opened(c)
	case "lseek":
		return p.sought(c)
	case "write", "pwrite64":
		return p.wrote(c)
	case "ftruncate":
		return p.truncated(c)
	case "fsync", "fdatasync":
		p.synced(c)
	case "mkdir", "mkdirat":
		return p.named(c, opMakeDir)
	case "unlink", "unlinkat", "rmdir":
		return p.named(c, opRemove)
	case "rename", "renameat", "renameat2":
		return p.renamed(c)
	case "sync_file_range":
	default:
		return p.foreign(c)
	}
	return nil
}

// foreign refuses calls that this package cannot replay where they touch the folder.
func (p *parser) foreign(c *call) error {
	args := arguments(c.args)
	for i, arg := range args {
		if quoted, err := text(arg); err == nil {
			if _, ok := p.within(string(quoted)); !ok {
				continue
			}
		} else if fd, err := strconv.Atoi(string(arg)); err != nil || p.open[fd] == nil || i > 0 && c.name != "mmap" && c.name != "splice" && c.name != "copy_file_range" {
			continue
		}
		if c.name == "mmap" && (len(args) < 6 || i != 4 || !strings.Contains(string(args[3]), "MAP_SHARED") || !strings.Contains(string(args[2]), "PROT_WRITE")) {
			continue
		}
		return fmt.Errorf("%s is not something that can be replayed", c.name)
	}
	return nil
}

// suspect notes the files of a call that never returned: it may or may not have been done.
func (p *parser) suspect(c *call) {
	for _, arg := range arguments(c.args) {
		if quoted, err := text(arg); err == nil {
			if path, ok := p.within(string(quoted)); ok {
				p.recording.doubt[path] = true
			}
		}
	}
	if h := p.handle(c); h != nil && h.file != nil {
		for path, f := range p.names {
			if f == h.file {
				p.recording.doubt[path] = true
			}
		}
	}
}

// handle is the open file that a call's first argument names; nil: none of the folder.
func (p *parser) handle(c *call) *handle {
	first, _, _ := strings.Cut(string(c.args[:min(len(c.args), 16)]), ",")
	fd, err := strconv.Atoi(strings.TrimRight(first, ") "))
	if err != nil {
		return nil
	}
	return p.open[fd]
}

func (p *parser) close(rest []byte) {
	first, _, _ := strings.Cut(string(rest[:min(len(rest), 16)]), ")")
	first, _, _ = strings.Cut(first, " ")
	if fd, err := strconv.Atoi(first); err == nil {
		delete(p.open, fd)
	}
}

// paths are the paths that a call names, from the folder; false where one is elsewhere.
func (p *parser) paths(c *call) ([]string, bool) {
	var list []string
	base, at := "", true
	for _, arg := range arguments(c.args) {
		if quoted, err := text(arg); err == nil {
			path := string(quoted)
			if !filepath.IsAbs(path) {
				path = filepath.Join(base, path)
			}
			within, ok := p.within(path)
			list, at = append(list, within), at && ok
			continue
		}
		base = ""
		if fd, err := strconv.Atoi(string(arg)); err == nil && p.open[fd] != nil && p.open[fd].file == nil {
			base = filepath.Join(p.recording.folder, p.open[fd].dir)
		}
	}
	return list, at && len(list) > 0
}

func (p *parser) opened(c *call) error {
	paths, ok := p.paths(c)
	fd, err := strconv.Atoi(c.result)
	if !ok || err != nil || unrecorded(paths[0]) {
		return err
	}
	path, flags := paths[0], string(c.args)
	flags = flags[strings.LastIndexByte(flags, '"'):]
	if strings.Contains(flags, "O_TMPFILE") {
		return errors.New("a file without a name is not something that can be replayed")
	}
	f := p.names[path]
	writes := strings.Contains(flags, "O_RDWR") || strings.Contains(flags, "O_WRONLY") || c.name == "creat"
	switch {
	case f == nil && (strings.Contains(flags, "O_CREAT") || c.name == "creat"):
		f = &file{path: path}
		p.names[path] = f
		p.add(c, op{kind: opCreate, path: path, file: f})
	case f == nil:
		p.open[fd] = &handle{dir: path}
		return nil
	case writes && strings.Contains(flags, "O_TRUNC"):
		f.size = 0
		p.add(c, op{kind: opTruncate, file: f})
	}
	p.open[fd] = &handle{file: f, append: strings.Contains(flags, "O_APPEND")}
	return nil
}

func (p *parser) sought(c *call) error {
	h := p.handle(c)
	if h == nil {
		return nil
	}
	offset, err := strconv.ParseInt(c.result, 10, 64)
	h.offset = offset
	return err
}

func (p *parser) wrote(c *call) error {
	h := p.handle(c)
	if h == nil || h.file == nil {
		return nil
	}
	args := arguments(c.args)
	data, err := text(args[1])
	if err != nil {
		return err
	}
	n, err := strconv.Atoi(c.result)
	if err != nil {
		return err
	}
	n = min(n, len(data)) // the last result of a thread that is killed may be any
	offset := h.offset
	switch {
	case c.name == "pwrite64":
		if offset, err = strconv.ParseInt(string(args[3]), 10, 64); err != nil {
			return err
		}
	case h.append:
		offset = h.file.size
		h.offset = offset + int64(n)
	default:
		h.offset += int64(n)
	}
	h.file.size = max(h.file.size, offset+int64(n))
	p.add(c, op{kind: opWrite, file: h.file, off: offset, data: data[:n]})
	return nil
}

func (p *parser) truncated(c *call) error {
	h := p.handle(c)
	if h == nil || h.file == nil {
		return nil
	}
	size, err := strconv.ParseInt(string(arguments(c.args)[1]), 10, 64)
	h.file.size = size
	p.add(c, op{kind: opTruncate, file: h.file, off: size})
	return err
}

func (p *parser) synced(c *call) {
	h := p.handle(c)
	switch {
	case h == nil:
	case h.file == nil:
		p.add(c, op{kind: opSyncDir, path: filepath.Clean(h.dir)})
	default:
		p.add(c, op{kind: opSync, file: h.file})
	}
}

func (p *parser) named(c *call, kind opKind) error {
	paths, ok := p.paths(c)
	if !ok || unrecorded(paths[0]) {
		return nil
	}
	if kind == opRemove {
		delete(p.names, paths[0])
	}
	p.add(c, op{kind: kind, path: paths[0]})
	return nil
}

func (p *parser) renamed(c *call) error {
	paths, ok := p.paths(c)
	if !ok {
		return nil
	}
	f := p.names[paths[0]]
	if len(paths) != 2 || f == nil || strings.Contains(string(c.args), "RENAME_") {
		return errors.New("this renaming is not something that can be replayed")
	}
	delete(p.names, paths[0])
	p.names[paths[1]] = f
	p.add(c, op{kind: opRename, path: paths[0], to: paths[1]})
	return nil
}
