package secondproc

import (
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/miekg/pkcs11"

	"byok/internal/exitcode"
	"byok/internal/hsm"
	"byok/internal/hsm/p11"
	"byok/internal/secret"
)

// prover is one run of the experiments.
type prover struct {
	module   *hsm.Module
	so, user *secret.Bytes
	patience time.Duration
	// userAlone leaves the SO's login out, and its rows.
	userAlone bool

	token    hsm.Token
	roles    roles  // logs in and out
	objects  *maker // makes this process's objects, in a session of its own where there may be two
	second   *process
	controls map[string]try

	trust   evidence
	private evidence
	session evidence
	reach   evidence
	sought  []sought
}

func newProver(m *hsm.Module, so, user *secret.Bytes, patience time.Duration) *prover {
	return &prover{
		module:   m,
		so:       so,
		user:     user,
		patience: patience,
		trust:    evidence{row: RowTrust},
		private:  evidence{row: RowPrivate},
		session:  evidence{row: RowSession},
		reach:    evidence{row: RowUser},
	}
}

// The attempts that have no control of their own.
const (
	trustedSessionObject = "a trusted session object found"
	privateSessionObject = "a private session object found"
	endedLogin           = "an end of this process's login"
)

// withoutPIN is how most attempts are made.
const withoutPIN = "without a PIN"

// approach is how the second process goes about an attempt.
type approach struct {
	how string
	pin *secret.Bytes
}

// approaches are those of an outsider and of an operator.
func (p *prover) approaches() []approach {
	return []approach{{withoutPIN, nil}, {"with the user PIN", p.user}}
}

func (p *prover) run(t hsm.Token) (rows []Row, err error) {
	if err := p.open(t); err != nil {
		return nil, err
	}
	defer p.close()
	// A wrong user PIN shows here, and costs one try of it.
	if err := p.as(hsm.RoleUser, p.user, p.objects.sweep); err != nil {
		return nil, err
	}
	if p.second, err = start(p.patience); err != nil {
		return nil, err
	}
	defer p.second.stop()
	failed := p.experiments()
	swept := p.as(hsm.RoleUser, p.user, p.objects.sweep)
	if failed != nil {
		return nil, failed
	}
	if swept != nil {
		return nil, swept
	}
	for _, e := range p.evidence() {
		rows = append(rows, e.judge(p.controls))
	}
	return rows, nil
}

// evidence lists it in the order of the rows.
func (p *prover) evidence() []*evidence {
	if p.userAlone {
		return []*evidence{&p.session, &p.reach}
	}
	return []*evidence{&p.trust, &p.private, &p.session, &p.reach}
}

// open opens two sessions of this process, one that logs in and one for objects,
// or one where the token allows no more.
func (p *prover) open(t hsm.Token) error {
	on, err := p.module.Open(t)
	if err != nil {
		return err
	}
	p.token, p.roles = on.Token, on
	if !p.token.Allows(2) {
		on.Close()
	}
	r, err := connect(p.module.Path, p.token.Slot)
	if err != nil {
		on.Close()
		return exitcode.Mark(exitcode.HSM, fmt.Errorf("a second session with %v: %w", t, err))
	}
	if !p.token.Allows(2) {
		p.roles = sameSession{p.module, p.token, r}
	}
	p.objects = newMaker(r, LabelPrefix+hex.EncodeToString(random(8)))
	return nil
}

func (p *prover) close() {
	p.objects.close()
	p.roles.Close()
}

// as runs work while this process is logged in as role, and notes whether it
// still is at the end.
func (p *prover) as(role hsm.Role, pin *secret.Bytes, work func() error) error {
	if err := p.roles.Login(role, pin); err != nil {
		return err
	}
	err := work()
	if err == nil {
		p.noteLogin(role)
	}
	out := p.roles.Logout()
	if err == nil && !errors.Is(out, p11.ReturnCode(pkcs11.CKR_USER_NOT_LOGGED_IN)) {
		err = out
	}
	return err
}

// states are those of a read-write session (PKCS#11 v2.40, section 3.4).
var states = map[hsm.Role]uint{hsm.RoleSO: pkcs11.CKS_RW_SO_FUNCTIONS, hsm.RoleUser: pkcs11.CKS_RW_USER_FUNCTIONS}

// noteLogin adds to the rows about a role that the second process has ended
// its login, if so: what was tried afterwards shows nothing then.
func (p *prover) noteLogin(role hsm.Role) {
	rows := []*evidence{&p.reach}
	if role == hsm.RoleSO {
		rows = []*evidence{&p.trust, &p.private}
	}
	info, err := p.objects.Ctx.GetSessionInfo(p.objects.Handle)
	for _, e := range rows {
		switch {
		case err != nil:
			e.add("", nil, named("C_GetSessionInfo", err))
		case info.State != states[role]:
			e.add("as "+role.String(), []try{{Name: endedLogin, Worked: true}}, nil)
		}
	}
}

// experiments are made in the order of the logins: none, SO, user.
func (p *prover) experiments() error {
	first := order{Do: "open", Library: p.module.Path, Token: p.token.URI(), Label: p.objects.label}
	_, err := p.second.ask(first, nil)
	if err == nil {
		err = p.control()
	}
	if err != nil {
		p.giveUp(err)
		return nil
	}
	switch {
	case p.userAlone:
	case p.so.Len() == 0:
		p.noSO()
	default:
		if err := p.as(hsm.RoleSO, p.so, p.whileSO); err != nil {
			return err
		}
	}
	return p.as(hsm.RoleUser, p.user, p.whileUser)
}

// giveUp leaves every row unanswered.
func (p *prover) giveUp(why error) {
	for _, e := range p.evidence() {
		e.add("", nil, why)
	}
}

func (p *prover) noSO() {
	for _, e := range []*evidence{&p.trust, &p.private, &p.session} {
		e.add("", nil, errors.New("no SO PIN is at hand"))
	}
}

// control has the second process show what it can do while it is alone.
func (p *prover) control() error {
	tries, err := p.second.ask(order{Do: "control"}, p.user)
	p.controls = map[string]try{}
	for _, t := range tries {
		p.controls[t.Name] = t
	}
	p.controls[trustedSessionObject] = p.controls[sessionObject]
	p.controls[privateSessionObject] = p.controls[sessionObject]
	if c := p.controls[login]; err == nil && !c.Worked {
		return named("the second process could not log in with the user PIN", pkcs11.Error(c.Code))
	}
	return err
}

func (p *prover) whileSO() error {
	p.makeTrusted()
	p.look("while the SO is logged in")
	for _, a := range p.approaches() {
		tries, err := p.second.ask(order{Do: "trust"}, a.pin)
		p.trust.add(a.how, tries, err)
	}
	tries, err := p.second.ask(order{Do: "private"}, nil)
	p.private.add(withoutPIN, p.locked(tries), err)
	return p.objects.sweep()
}

func (p *prover) whileUser() error {
	p.makePrivate()
	tries, err := p.second.ask(order{Do: "private"}, nil)
	p.reach.add(withoutPIN, p.locked(tries), err)
	p.look("while the user is logged in")
	return nil
}

// locked settles CKR_HOST_MEMORY, which NSS softoken says of a private key that it
// cannot open without the login. It is a refusal where the login alone makes the
// difference: the same call by the same handle works with the PIN, and after that
// fails without it as before.
func (p *prover) locked(tries []try) []try {
	at := slices.IndexFunc(tries, func(t try) bool { return t.Name == signed && t.Code == pkcs11.CKR_HOST_MEMORY })
	if at >= 0 && p.signs(p.user).Worked && p.signs(nil).Code == pkcs11.CKR_HOST_MEMORY {
		tries[at].Code = pkcs11.CKR_USER_NOT_LOGGED_IN
	}
	return tries
}

// signs has the second process sign once more.
func (p *prover) signs(pin *secret.Bytes) try {
	tries, _ := p.second.ask(order{Do: "private"}, pin)
	at := slices.IndexFunc(tries, func(t try) bool { return t.Name == signed })
	if at < 0 {
		return try{}
	}
	return tries[at]
}

// look has the second process look for the objects of this one, if there are any.
func (p *prover) look(when string) {
	if len(p.sought) == 0 {
		return
	}
	for _, a := range p.approaches() {
		tries, err := p.second.ask(order{Do: "look", Sought: p.sought}, a.pin)
		p.session.add(a.how+" "+when, tries, err)
	}
}

// makeTrusted makes a trusted session object by the first route that works.
func (p *prover) makeTrusted() {
	label := p.objects.label
	defer func() { p.objects.label = label }()
	p.objects.label += "-trusted"
	var last error
	for _, r := range routes {
		o, err := r.take(p.objects, inSession, true)
		if err == nil && p.objects.trusted(o) {
			p.seek(trustedSessionObject, p.objects.label)
			return
		}
		last = err
	}
	p.session.add("", nil, named("this process could make no trusted session object", last))
}

// makePrivate makes a private session object.
func (p *prover) makePrivate() {
	label := p.objects.label + "-private"
	_, err := p.objects.generate(privateAES(label, inSession))
	if err != nil {
		p.session.add("", nil, named("this process could make no private session object", err))
		return
	}
	p.seek(privateSessionObject, label)
}

// seek notes an object to look for, once this process finds it itself.
func (p *prover) seek(name, label string) {
	found, err := p.objects.Find(pkcs11.NewAttribute(pkcs11.CKA_LABEL, label))
	if err != nil || len(found) == 0 {
		p.session.add("", nil, fmt.Errorf("%s: this process does not find its own object", name))
		return
	}
	p.sought = append(p.sought, sought{name, label})
}
