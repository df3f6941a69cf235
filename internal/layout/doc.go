// Package layout holds the repository to its shape: which package may import
// which, what neither program may reach, which modules are linked into each,
// and how both are built. It also draws docs/architecture.md, from the imports
// as they are (make architecture). It is nothing but tests.
//
// A package that is new belongs into the list in floors_test.go, a module that
// is new into docs/dependencies.md.
package layout
