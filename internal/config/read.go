package config

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"github.com/knadh/koanf/parsers/yaml"
	"github.com/knadh/koanf/providers/env/v2"
	"github.com/knadh/koanf/providers/file"
	"github.com/knadh/koanf/v2"
)

// Read returns the texts of the options that the file and the environment set, by name; the environment
// wins. An empty path means no file. An empty variable sets nothing. Variables that name no option are left
// alone: others put some there, such as PARLEY_PORT for a service of that name.
func Read(path string, environ []string) (map[string]string, error) {
	var scratch Config
	known := options(&scratch)
	set := map[string]string{}
	if path != "" {
		if err := readFile(path, known, set); err != nil {
			return nil, err
		}
	}
	return set, readEnviron(environ, known, set)
}

func readFile(path string, known []option, set map[string]string) error {
	k := koanf.New(".")
	if err := k.Load(file.Provider(path), yaml.Parser()); err != nil {
		if pathError, ok := errors.AsType[*fs.PathError](err); ok {
			return fmt.Errorf("configuration file %s: %w", path, pathError.Err)
		}
		return fmt.Errorf("configuration file %s: %w; it must have a line \"option: value\" for each option", path, err)
	}
	for _, name := range k.Keys() {
		o, ok := find(known, name)
		if !ok {
			return fmt.Errorf("configuration file %s: unknown option %q; the options are %s", path, name, names(known))
		}
		text, err := plain(k.Get(name))
		if err == nil {
			err = o.set(text)
		}
		if err != nil {
			return fmt.Errorf("configuration file %s: %s: %w", path, name, err)
		}
		set[name] = text
	}
	return nil
}

func readEnviron(environ []string, known []option, set map[string]string) error {
	byVariable := map[string]option{}
	for _, o := range known {
		byVariable[o.env()] = o
	}
	k := koanf.New(".")
	err := k.Load(env.Provider(".", env.Opt{
		Prefix:      "PARLEY_",
		EnvironFunc: func() []string { return environ },
		TransformFunc: func(variable, text string) (string, any) {
			if text == "" {
				return "", nil // ignored, as a name that is none is
			}
			return byVariable[variable].Name, text
		},
	}), nil)
	if err != nil {
		return err
	}
	for _, name := range k.Keys() {
		o, _ := find(known, name)
		if err := o.set(k.String(name)); err != nil {
			return fmt.Errorf("%s: %w", o.env(), err)
		}
		set[name] = k.String(name)
	}
	return nil
}

// plain is the text of a value of a YAML file: a scalar, or a list of them, joined by commas.
func plain(value any) (string, error) {
	switch v := value.(type) {
	case nil:
		return "", errors.New("has no value")
	case []any:
		parts := make([]string, len(v))
		for i, part := range v {
			text, err := plain(part)
			if err != nil {
				return "", err
			}
			parts[i] = text
		}
		return strings.Join(parts, ","), nil
	case map[string]any:
		return "", errors.New("must be a single value")
	}
	return fmt.Sprint(value), nil
}

func find(known []option, name string) (option, bool) {
	at := slices.IndexFunc(known, func(o option) bool { return o.Name == name })
	if at < 0 {
		return option{}, false
	}
	return known[at], true
}

func names(known []option) string {
	list := make([]string, len(known))
	for i, o := range known {
		list[i] = o.Name
	}
	return strings.Join(list, ", ")
}
