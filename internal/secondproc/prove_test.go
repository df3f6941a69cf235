package secondproc

import (
	"os"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"

	"byok/internal/exitcode"
	"byok/internal/hsm"
	"byok/internal/testkit/softhsm"
)

// all is four outcomes and details, in the order of the rows.
type all [4]struct {
	outcome Outcome
	detail  string
}

func (a all) rows() []Row {
	var rows []Row
	for i, name := range []string{RowTrust, RowPrivate, RowSession, RowUser} {
		rows = append(rows, Row{name, a[i].outcome, a[i].detail})
	}
	return rows
}

// What the rows say where all is well.
const (
	nothing28 = "28 attempts of the second process achieved nothing"
	nothing16 = "16 attempts of the second process achieved nothing"
	nothing6  = "6 attempts of the second process achieved nothing"
	nothing4  = "4 attempts of the second process achieved nothing"
	nothing3  = "3 attempts of the second process achieved nothing"
)

// details is what rows say, by their number.
type details = map[int]string

// unanswered is four rows without an answer, for one reason.
func unanswered(why string) all {
	return all{{NotAnswered, why}, {NotAnswered, why}, {NotAnswered, why}, {NotAnswered, why}}
}

// hold is four rows that hold, except some.
func hold(but details, outcome Outcome) all {
	a := all{{Held, nothing28}, {Held, nothing4}, {Held, nothing6}, {Held, nothing4}}
	for i, detail := range but {
		a[i].outcome, a[i].detail = outcome, detail
	}
	return a
}

// TestProveUser: without an SO two rows are left.
func TestProveUser(t *testing.T) {
	m, token := prepared(t, softhsm.New(t))
	rows, err := ProveUser(m, token, pin(userPIN))
	want := []Row{{RowSession, Held, "2 attempts of the second process achieved nothing"}, {RowUser, Held, nothing4}}
	if err != nil || !reflect.DeepEqual(rows, want) {
		t.Errorf("%v\n%+v", err, rows)
	}
	if !UserGuarded(rows) || Guarded(rows) {
		t.Error("the rows allow another guard")
	}
}

func TestProveOnSoftHSM(t *testing.T) {
	m, token := prepared(t, softhsm.New(t))
	rows, err := Prove(m, token, pin(soPIN), pin(userPIN))
	if err != nil || !reflect.DeepEqual(rows, hold(nil, Held).rows()) {
		t.Errorf("%v\n%+v", err, rows)
	}
	if left := objects(t, m, token); len(left) > 0 {
		t.Errorf("left on the token: %q", left)
	}
	rows, err = Prove(m, token, nil, pin(userPIN))
	const none = "no SO PIN is at hand"
	want := hold(details{0: none, 1: none, 2: none}, NotAnswered).rows()
	if err != nil || !reflect.DeepEqual(rows, want) {
		t.Errorf("without an SO PIN: %v\n%+v", err, rows)
	}
}

// TestProveOnLibrariesThatShare has each row fail, and each fail to answer.
func TestProveOnLibrariesThatShare(t *testing.T) {
	const did = "the second process achieved: "
	const trusts = did + "an AES key created in the session without a PIN, " +
		"an AES key generated in the session without a PIN, an RSA public key created in the session without a PIN"
	const reaches = did + "a private key found by its label without a PIN, a private object found without a PIN, " +
		"a signature made with a private key without a PIN, and "
	const findsTrusted = "a trusted session object found without a PIN while the SO is logged in, "
	const findsTrustedToo = "a trusted session object found with the user PIN while the SO is logged in, "
	const findsPrivate = "a private session object found without a PIN while the user is logged in, "
	const findsPrivateToo = "a private session object found with the user PIN while the user is logged in"
	const endsSO = did + "an end of this process's login as SO"
	const silent = "the second process did not answer within 1s"
	const killed = "the second process ended: signal: killed"
	const noInfo = "C_GetSessionInfo: CKR_FUNCTION_NOT_SUPPORTED"
	const noTrusted = "this process could make no trusted session object: CKR_ATTRIBUTE_VALUE_INVALID"
	const noPrivate = "this process could make no private session object: CKR_TEMPLATE_INCONSISTENT"
	const unsigned = "a signature made with a private key without a PIN: CKR_GENERAL_ERROR"
	const failsForSO = "a login with the user PIN with the user PIN"
	const noPairs = "alone it did not work either (CKR_MECHANISM_INVALID); "
	const noKey = "a private key found by its label without a PIN: " + noPairs +
		"a private object found without a PIN: " + noPairs +
		"a signature made with a private key without a PIN: " + noPairs + "and 1 more"
	const noObject = " session object found with the user PIN while the user is logged in: CKR_DEVICE_ERROR"
	for name, c := range map[string]struct {
		mode string
		want all
	}{
		"SoftHSM as it is":   {"", hold(nil, Held)},
		"library that talks": {"chatty", hold(nil, Held)},
		"trust is dropped":   {"drop-trusted", hold(nil, Held)},
		"shared login":       {"shared-login", hold(details{0: trusts, 3: reaches + "1 more"}, Failed)},
		"shared objects": {"shared-objects",
			hold(details{2: did + findsTrusted + findsTrustedToo + findsPrivateToo}, Failed)},
		"shared login and objects, as a daemon has it": {"shared-login,shared-objects",
			hold(details{
				0: trusts,
				2: did + findsTrusted + findsPrivate + findsPrivateToo,
				3: reaches + "1 more",
			}, Failed)},
		"login that a second one replaces": {"shared-login,takeover",
			hold(details{0: endsSO, 1: endsSO, 3: reaches + "2 more"}, Failed)},
		"login that does not end": {"sticky-login",
			hold(details{1: reaches + "1 more", 3: reaches + "1 more"}, Failed)},

		"user kept out while the SO is there": {"C_Login SO 0x104",
			hold(details{0: "15 attempts of the second process achieved nothing"}, Held)},
		"SO's presence breaks the user's login": {"C_Login SO 0x30", hold(details{
			0: failsForSO + ": CKR_DEVICE_ERROR",
			2: failsForSO + " while the SO is logged in: CKR_DEVICE_ERROR"}, NotAnswered)},
		"no AES keys by value": {"C_CreateObject none 0x70,C_CreateObject SO 0x70",
			hold(details{0: "12 attempts of the second process achieved nothing"}, Held)},
		"no generated AES keys": {"C_GenerateKey none 0x70,C_GenerateKey SO 0x70,C_GenerateKey user 0x70",
			hold(details{0: nothing16, 1: nothing3, 3: nothing3}, Held)},
		"creating fails for another reason": {"C_CreateObject SO 0x5", hold(details{
			0: "an AES key created in the session without a PIN: CKR_GENERAL_ERROR; " +
				"an RSA public key created in the session without a PIN: CKR_GENERAL_ERROR; " +
				"an RSA public key trusted afterwards in the session without a PIN: CKR_GENERAL_ERROR; and 13 more",
		}, NotAnswered)},
		"signing fails for another reason": {"C_SignInit user 0x5",
			hold(details{3: unsigned}, NotAnswered)},
		"signing fails as in NSS softoken": {"host-memory", hold(nil, Held)},
		"signing fails so with the login too": {"C_SignInit user 0x2",
			hold(details{3: "a signature made with a private key without a PIN: CKR_HOST_MEMORY"}, NotAnswered)},
		"searching fails": {"C_FindObjects user 0x30", hold(details{
			2: "a trusted session object found without a PIN while the user is logged in: CKR_DEVICE_ERROR; " +
				"a private session object found without a PIN while the user is logged in: CKR_DEVICE_ERROR; " +
				"a trusted" + noObject + "; and 1 more",
			3: "a private key found by its label without a PIN: CKR_DEVICE_ERROR; " +
				"a private object found without a PIN: CKR_DEVICE_ERROR"}, NotAnswered)},
		"nothing can be made": {
			"C_CreateObject none 0x54,C_CreateObject SO 0x54," +
				"C_GenerateKey none 0x54,C_GenerateKey SO 0x54,C_GenerateKey user 0x54",
			all{
				{NotAnswered, "the module offers nothing that could be tried"},
				{Held, nothing3},
				{NotAnswered, "a trusted session object found without a PIN while the SO is logged in: " + neither +
					"; a trusted session object found with the user PIN while the SO is logged in: " + neither +
					"; a trusted session object found without a PIN while the user is logged in: " + neither +
					"; and 3 more"},
				{Held, nothing3},
			}},
		"no key pairs": {"C_GenerateKeyPair any 0x70", hold(details{1: noKey, 3: noKey}, NotAnswered)},

		"no trusted session object": {"C_CreateObject SO 0x13 parent,C_GenerateKey SO 0x13 parent",
			hold(details{2: noTrusted}, NotAnswered)},
		"no private session object": {"C_GenerateKey user 0xD1 parent",
			hold(details{2: noPrivate}, NotAnswered)},
		"state of the login not shown": {"C_GetSessionInfo SO 0x54 parent", hold(details{
			0: noInfo, 1: noInfo}, NotAnswered)},

		"library that one process can have": {"C_Initialize any 0x5", unanswered(
			"the second process could not continue: PKCS#11 library LIBRARY could not be initialised: CKR_GENERAL_ERROR")},
		"token that one process can have": {"C_OpenSession any 0xb1",
			unanswered("the second process could not continue: C_OpenSession: CKR_SESSION_COUNT")},
		"token that one process sees": {"C_GetSlotList any 0x30",
			unanswered("the second process could not continue: C_GetSlotList of LIBRARY: CKR_DEVICE_ERROR")},
		"login that one process can have": {"C_Login none 0x30",
			unanswered("the second process could not log in with the user PIN: CKR_DEVICE_ERROR")},
		"killed at once":   {"C_Initialize any kill", unanswered(killed)},
		"ended at once":    {"C_Initialize any exit", unanswered("the second process ended: exit status 0")},
		"silent at once":   {"C_Initialize any hang", unanswered(silent)},
		"silent, alone":    {"C_GenerateKeyPair none hang", unanswered(silent)},
		"killed beside SO": {"C_SetAttributeValue SO kill", unanswered(killed)},
		"killed beside user": {"C_SignInit user kill", hold(details{
			2: killed, 3: killed}, NotAnswered)},
	} {
		t.Run(name, func(t *testing.T) {
			library, mode := shared(t)
			m, token := prepared(t, library)
			steer(t, mode, c.mode)
			limit := 30 * time.Second
			if strings.Contains(c.mode, "hang") {
				limit = time.Second
			}
			rows, err := newProver(m, pin(soPIN), pin(userPIN), limit).run(token)
			if err != nil {
				t.Fatal(err)
			}
			want := c.want.rows()
			for i := range want {
				want[i].Detail = strings.ReplaceAll(want[i].Detail, "LIBRARY", library)
				if rows[i] != want[i] {
					t.Errorf("\n got %+v\nwant %+v", rows[i], want[i])
				}
			}
			steer(t, mode, "")
			if left := objects(t, m, token); len(left) > 0 {
				t.Errorf("left on the token: %q", left)
			}
		})
	}
}

const neither = "alone it did not work either (CKR_FUNCTION_NOT_SUPPORTED)"

// steer writes the words and faults for testdata/shared.c.
func steer(t *testing.T, mode, list string) {
	t.Helper()
	if err := os.WriteFile(mode, []byte(strings.ReplaceAll(list, ",", "\n")), 0o600); err != nil {
		t.Fatal(err)
	}
}

// TestProveClearsUp has an interrupted run's objects on the token, and others.
func TestProveClearsUp(t *testing.T) {
	m, token := prepared(t, softhsm.New(t))
	as(t, m, token, hsm.RoleSO, soPIN, func(s *hsm.Session) error {
		r := must[*raw](t)(connect(m.Path, s.Token.Slot))
		defer r.close()
		for _, label := range []string{LabelPrefix + "0123", "byok-second", "customer"} {
			k := newMaker(r, label)
			if _, err := k.create(k.rsa(onToken, true)); err != nil {
				return err
			}
		}
		return nil
	})
	rows, err := Prove(m, token, pin(soPIN), pin(userPIN))
	if err != nil || !Guarded(rows) || !held(rows, RowSession) {
		t.Errorf("%v: %+v", err, rows)
	}
	got := objects(t, m, token)
	if want := []string{"byok-second", "customer"}; !sameSet(got, want) {
		t.Errorf("on the token: %q, want %q", got, want)
	}
}

func sameSet(a, b []string) bool {
	count := map[string]int{}
	for _, s := range a {
		count[s]++
	}
	for _, s := range b {
		count[s]--
	}
	for _, n := range count {
		if n != 0 {
			return false
		}
	}
	return true
}

func TestProveFails(t *testing.T) {
	const unlisted = "the objects on the token cannot be listed: C_FindObjects: CKR_FUNCTION_NOT_SUPPORTED"
	const remove = "remove objects labelled byok-second-process-… with the HSM vendor's tool; they protect nothing"
	for name, c := range map[string]struct {
		mode     string
		so, user string
		want     failure // with TOKEN for the token and RUN for a label's end
	}{
		"wrong user PIN": {"", soPIN, "wrong", failure{
			"wrong user PIN for TOKEN (CKR_PIN_INCORRECT)", exitcode.HSM, ""}},
		"wrong SO PIN": {"", "wrong", userPIN, failure{
			"wrong SO PIN for TOKEN (CKR_PIN_INCORRECT)", exitcode.HSM, ""}},
		"objects cannot be listed": {"C_FindObjectsInit user 0x54 parent", soPIN, userPIN, failure{
			unlisted, exitcode.HSM, remove}},
		"objects cannot be destroyed": {"C_DestroyObject user 0x30 parent", soPIN, userPIN, failure{
			"byok-second-process-RUN cannot be destroyed: C_DestroyObject: CKR_DEVICE_ERROR", exitcode.HSM, remove}},
		"labels cannot be read": {"C_GetAttributeValue user 0x30 parent", soPIN, userPIN, failure{
			"an object's label cannot be read: C_GetAttributeValue: CKR_DEVICE_ERROR", exitcode.HSM, remove}},
		"objects cannot be listed as SO": {"C_FindObjectsInit SO 0x54 parent", soPIN, userPIN, failure{
			unlisted, exitcode.HSM, remove}},
		"logout fails": {"C_Logout user 0x30 parent", soPIN, userPIN, failure{
			"C_Logout as user on TOKEN: CKR_DEVICE_ERROR", exitcode.HSM, ""}},
		"no session": {"C_OpenSession any 0x30 parent", soPIN, userPIN, failure{
			"C_OpenSession on TOKEN: CKR_DEVICE_ERROR", exitcode.HSM, ""}},
	} {
		t.Run(name, func(t *testing.T) {
			library, mode := shared(t)
			m, token := prepared(t, library)
			steer(t, mode, c.mode)
			_, err := Prove(m, token, pin(c.so), pin(c.user))
			if err == nil {
				t.Fatal("no error")
			}
			c.want.text = strings.ReplaceAll(c.want.text, "TOKEN", token.String())
			text := regexp.MustCompile(LabelPrefix+"[0-9a-f]{16}").ReplaceAllString(err.Error(), LabelPrefix+"RUN")
			text, _, _ = strings.Cut(text, "; the token counts") // how many tries are left is package hsm's to say
			if got := (failure{text, exitcode.Of(err), exitcode.HintOf(err)}); got != c.want {
				t.Errorf("\n got %+v\nwant %+v", got, c.want)
			}
		})
	}
}

// TestProveWhereSomebodyIsLoggedIn must not take that login for its own.
func TestProveWhereSomebodyIsLoggedIn(t *testing.T) {
	m, token := prepared(t, softhsm.New(t))
	as(t, m, token, hsm.RoleUser, userPIN, func(*hsm.Session) error {
		_, err := Prove(m, token, pin(soPIN), pin(userPIN))
		text := "C_Login as user on " + token.String() + ": CKR_USER_ALREADY_LOGGED_IN"
		expect(t, err, failure{text, exitcode.HSM,
			"end the other program that is logged in to the token, then run the same command again"})
		return nil
	})
}

func TestRules(t *testing.T) {
	row := func(name string, o Outcome) Row { return Row{Name: name, Outcome: o} }
	good := hold(nil, Held).rows()
	for name, c := range map[string]struct {
		rows                    []Row
		guarded, sessionObjects bool
	}{
		"all held":                 {good, true, true},
		"none":                     {nil, false, false},
		"trust missing":            {good[1:], false, true},
		"user missing":             {good[:3], false, true},
		"session objects missing":  {[]Row{good[0], good[1], good[3]}, true, false},
		"trust failed":             {hold(details{0: ""}, Failed).rows(), false, true},
		"private not answered":     {hold(details{1: ""}, NotAnswered).rows(), false, true},
		"session objects failed":   {hold(details{2: ""}, Failed).rows(), true, false},
		"session not answered":     {hold(details{2: ""}, NotAnswered).rows(), true, false},
		"user not answered":        {hold(details{3: ""}, NotAnswered).rows(), false, true},
		"held, and failed as well": {append(good, row(RowUser, Failed), row(RowSession, Failed)), false, false},
	} {
		if Guarded(c.rows) != c.guarded || held(c.rows, RowSession) != c.sessionObjects {
			t.Errorf("%s: guarded %t, session objects %t", name, !c.guarded, !c.sessionObjects)
		}
	}
}
