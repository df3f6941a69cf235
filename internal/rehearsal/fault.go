package rehearsal

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"

	"byok/internal/exitcode"
)

// fault is one way in which the vault fails on purpose. Its text is
// NAME[=ARGUMENT][,on=OPERATION+OPERATION][,skip=N][,times=N|always], see
// FaultHelp.
type fault struct {
	what   string // NAME[=ARGUMENT]
	kind   kind
	on     []string // the operations that meet it, of those that can; nil is all
	skip   int      // that many of them pass first
	times  int      // how many then meet it, or always
	effect effect   // nil for one that is met outside a request
}

const always = -1

// effect serves a request that meets a fault; next would serve it well.
type effect func(v *vault, w http.ResponseWriter, r *http.Request, next http.Handler)

// kind is what faults of one name have in common.
type kind struct {
	name  string
	form  string // of what follows the name
	about string
	on    []string                             // the operations that can meet it, and do without on=
	build func(argument string) (effect, bool) // false for an argument not of the form
}

// FaultHelp describes every fault in a line or two, for people.
func FaultHelp() string {
	var b strings.Builder
	b.WriteString(`A fault is NAME[=ARGUMENT][,on=OPERATION+OPERATION][,skip=N][,times=N|always].
It applies once unless times says otherwise, to any operation unless on does,
after skip requests have passed. Several faults apply to a request in the order
given, until one of them answers. No fault outlives its vault.

While it runs, "byok-online rehearsal faults" shows and replaces them; other
programs GET and PUT {"faults":["throttle=5,on=import"]} at
https://localhost:PORT` + adminPath + ` with the folder's token.

`)
	for _, k := range kinds() {
		fmt.Fprintf(&b, "  %s%s\n        %s\n", k.name, k.form, k.about)
	}
	fmt.Fprintf(&b, "\nOperations: %s.", strings.Join(operations(), " "))
	return b.String()
}

// operations lists the names of the routes' operations.
func operations() (names []string) {
	for _, r := range routes() {
		if !slices.Contains(names, r.operation) {
			names = append(names, r.operation)
		}
	}
	return names
}

// parseFaults reads faults. An error is about the command line: Usage.
func parseFaults(texts []string) (list []*fault, err error) {
	for _, text := range texts {
		f, err := parseFault(text)
		if err != nil {
			return nil, exitcode.Errorf(exitcode.Usage, "fault %.200q: %w", text, err)
		}
		list = append(list, f)
	}
	return list, nil
}

func parseFault(text string) (*fault, error) {
	what, options, _ := strings.Cut(text, ",")
	name, argument, _ := strings.Cut(what, "=")
	k, err := findKind(name)
	if err != nil {
		return nil, err
	}
	f := &fault{what: what, kind: k, times: 1}
	var ok bool
	if f.effect, ok = k.build(argument); !ok || what != name && argument == "" {
		return nil, fmt.Errorf("expected %s%s", k.name, k.form)
	}
	for option := range strings.SplitSeq(options, ",") {
		if err := f.apply(option); err != nil {
			return nil, err
		}
	}
	return f, nil
}

func findKind(name string) (kind, error) {
	var names []string
	for _, k := range kinds() {
		if k.name == name {
			return k, nil
		}
		names = append(names, k.name)
	}
	return kind{}, fmt.Errorf("there are %s", strings.Join(names, ", "))
}

// apply takes one option of a fault's text; an empty one changes nothing.
func (f *fault) apply(option string) error {
	name, value, _ := strings.Cut(option, "=")
	n, err := strconv.Atoi(value)
	switch {
	case option == "":
	case name == "on":
		f.on = strings.Split(value, "+")
		for _, operation := range f.on {
			if !slices.Contains(f.kind.on, operation) {
				return fmt.Errorf("on=%s: %s is met by %s", value, f.kind.name, strings.Join(f.kind.on, ", "))
			}
		}
	case option == "times=always":
		f.times = always
	case (name == "times" || name == "skip") && (err != nil || n < 1):
		return fmt.Errorf("%s: expected a number from 1", option)
	case name == "times":
		f.times = n
	case name == "skip":
		f.skip = n
	default:
		return fmt.Errorf("%s: expected on=, skip= or times=", option)
	}
	return nil
}

// String is the text of what is left of f.
func (f *fault) String() string {
	text := f.what
	if f.on != nil {
		text += ",on=" + strings.Join(f.on, "+")
	}
	if f.skip > 0 {
		text += fmt.Sprintf(",skip=%d", f.skip)
	}
	if f.times == always {
		return text + ",times=always"
	}
	return text + fmt.Sprintf(",times=%d", f.times)
}

// meets counts an operation that arrives at f, and reports whether it is hit.
func (f *fault) meets(operation string) bool {
	on := f.on
	if on == nil {
		on = f.kind.on
	}
	switch {
	case f.times == 0 || !slices.Contains(on, operation):
		return false
	case f.skip > 0:
		f.skip--
		return false
	case f.times > 0:
		f.times--
	}
	return true
}

// faults are those that are switched on, in order.
type faults struct {
	mu  sync.Mutex
	all []*fault
}

// set replaces them.
func (f *faults) set(list []*fault) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.all = list
}

// left returns those that something can still meet.
func (f *faults) left() []*fault {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(f.all), func(one *fault) bool { return one.times == 0 })
}

// texts is left as texts.
func (f *faults) texts() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	list := []string{}
	for _, one := range f.all {
		if one.times != 0 {
			list = append(list, one.String())
		}
	}
	return list
}

func (f *faults) meets(one *fault, operation string) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return one.meets(operation)
}

// meets reports whether an operation meets one of the faults, and logs it.
func (v *vault) meets(one *fault, operation string) bool {
	met := v.faults.meets(one, operation)
	if met {
		v.log(fmt.Sprintf("fault %s on %s", one.what, operation))
	}
	return met
}

// faulty puts the faults around the rest of the service, the first outermost:
// one that answers by itself leaves those after it to a later request.
func (v *vault) faulty(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := next
		for _, one := range slices.Backward(v.faults.left()) {
			h = v.around(h, one)
		}
		h.ServeHTTP(w, r)
	})
}

func (v *vault) around(next http.Handler, one *fault) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if t, _ := find(r); v.meets(one, t.operation) {
			one.effect(v, w, r, next)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// certificateExpired reports whether a new connection meets a fault.
func (v *vault) certificateExpired() bool {
	return slices.ContainsFunc(v.faults.left(), func(one *fault) bool { return v.meets(one, handshake) })
}
