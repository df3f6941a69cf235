package statement_test

import (
	"os"
	"sync"
	"testing"

	"byok/internal/exitcode"
	"byok/internal/keykind"
	"byok/internal/statement"
	"byok/internal/testkit/softworld"
)

// The statements of the examples, by their numbers.
const (
	worldFile = 1
	moduleA   = 2
	originRSA = 3
	originAES = 4
	approval  = 5 // of both keys
	seal      = 6
	cards     = 7
)

// examples makes a world with a statement of every type.
func examples(dir string) (*softworld.World, error) {
	w, err := softworld.New(dir, softworld.Options{})
	if err != nil {
		return nil, err
	}
	exchange, err := softworld.NewKEK("https://contoso.vault.azure.net")
	if err != nil {
		return nil, err
	}
	var list []softworld.Request
	for _, k := range [][2]string{{"rsa", "RSA-2048"}, {"aes", "AES-256"}} {
		key, err := generated(w, k[0], k[1])
		if err != nil {
			return nil, err
		}
		list = append(list, softworld.Request{Ident: k[0], Key: key, KEK: exchange})
	}
	if _, err := w.Transfer(list...); err != nil {
		return nil, err
	}
	if _, err := w.Seal(); err != nil {
		return nil, err
	}
	return w, w.ReplaceCards()
}

func generated(w *softworld.World, ident, name string) (softworld.Key, error) {
	kind, err := keykind.Parse(name)
	if err != nil {
		return softworld.Key{}, err
	}
	key, err := softworld.NewKey(kind)
	if err != nil {
		return key, err
	}
	_, err = w.Generate(ident, key)
	return key, err
}

// made makes the examples once, in a folder that is not needed afterwards.
var made = sync.OnceValues(func() (*softworld.World, error) {
	dir, err := os.MkdirTemp("", "statement-test-")
	if err != nil {
		return nil, err
	}
	w, err := examples(dir)
	if removed := os.RemoveAll(dir); removed != nil {
		return nil, removed
	}
	return w, err
})

// world is the world of the examples. Its folder is gone.
func world(t testing.TB) *softworld.World {
	t.Helper()
	return must(made())(t)
}

// example is a copy of the statement with the number.
func example(t testing.TB, number int) statement.Statement {
	t.Helper()
	return must(statement.Parse("example", world(t).Chain.Entries()[number-1].Data))(t)
}

func must[T any](value T, err error) func(testing.TB) T {
	return func(t testing.TB) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return value
	}
}

// refused fails the test unless err has the status and exactly the text.
func refused(t testing.TB, err error, code exitcode.Code, want string) {
	t.Helper()
	if err == nil {
		t.Errorf("no error\nwant %s", want)
		return
	}
	if got := err.Error(); got != want {
		t.Errorf("\n got %s\nwant %s", got, want)
	}
	if got := exitcode.Of(err); got != code {
		t.Errorf("status %d, want %d: %v", got, code, err)
	}
}
