package main

import (
	"context"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"byok/internal/rehearsal"
	"byok/internal/specimen"
	"byok/internal/statement"
	"byok/internal/testkit/practice"
	"byok/internal/transfer"
	"byok/internal/worlds"
)

// startRehearsal: rehearsal [SERVICE [LIMIT]] starts a vault on $WORK/vault and
// sets $VAULT to that folder, $URL to its address, and $HKNSO to that of the
// world whose packages are made for it. That world, and the one of production
// packages, are known in $BYOK_CONFIG.
func startRehearsal(ts *testscript.TestScript, _ bool, args []string) {
	c := rehearsal.Config{State: ts.MkAbs("vault")}
	for i, field := range []*string{&c.Service, &c.Limit} {
		if i < len(args) {
			*field = args[i]
		}
	}
	v, stop, err := practice.New(c)
	if stop != nil {
		ts.Defer(func() { ts.Check(stop()) })
	}
	ts.Check(err)
	ts.Setenv("VAULT", v.Dir)
	ts.Setenv("URL", v.Open.URL)
	for _, practised := range []bool{false, true} {
		hknso, err := v.World.HKNSO(practised)
		ts.Check(err)
		ts.Setenv("HKNSO", hknso.String())
		claim := worlds.Claim{Label: "Specimen", First: hknso, Current: hknso}
		_, err = worlds.NewStore(ts.Getenv("BYOK_CONFIG")).Add(claim, "ada@host", time.Now())
		ts.Check(err)
	}
	sceneOf(ts).vault = v
}

// setRehearsalFaults: faults TEXT… replaces the faults of the vault.
func setRehearsalFaults(ts *testscript.TestScript, _ bool, args []string) {
	_, err := sceneOf(ts).vault.Open.SetFaults(context.Background(), args...)
	ts.Check(err)
}

// makePackage: package DIR NAME KIND [production | OPERATION …] makes the
// package of a fresh key for KEKforBYOK, which is made where it is missing.
// Behind the fake Azure, the KEK has that vault's address.
func makePackage(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 3 {
		ts.Fatalf("usage: package DIR NAME KIND [production | after FILE.byok | OPERATION …]")
	}
	var change []func(*specimen.KEK)
	ops := args[3:]
	if len(ops) == 1 && ops[0] == "production" {
		change, ops = append(change, practice.Production), nil
	}
	if len(ops) == 2 && ops[0] == "after" {
		change, ops = append(change, after(ts, ops[1])), nil
	}
	if address := sceneOf(ts).address; address != "" {
		change = append(change, func(k *specimen.KEK) { k.ID.Vault = address })
	}
	_, err := sceneOf(ts).vault.PackFor(ts.MkAbs(args[0]), args[1], args[2], ops, change...)
	ts.Check(err)
}

// after has a package's key follow that of another package.
func after(ts *testscript.TestScript, file string) func(*specimen.KEK) {
	p, err := transfer.ReadPackage(ts.MkAbs(file))
	ts.Check(err)
	facts, err := p.Inspect()
	ts.Check(err)
	return func(k *specimen.KEK) {
		k.Replaces = &statement.Replaced{Ident: facts.Pair.Ident, Identity: facts.Pair.Identity}
	}
}
