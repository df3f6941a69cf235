package toolset

import (
	"byok/internal/exitcode"
	"byok/internal/fingerprint"
)

// File is a file as it was read: its name, for messages, and its bytes.
type File struct {
	Name string
	Data []byte
}

// Pair is the two packages of a toolset, and the SHA-256 of the bytes that
// each was parsed from. Only [ParsePair], [NewPair], [Unzip] and [Install]
// make one that is not empty. That they belong together is for attest.Check.
type Pair struct {
	kek      KEKPackage
	world    SecurityWorldPackage
	kekSum   fingerprint.Sum
	worldSum fingerprint.Sum
}

// ParsePair reads both packages. The errors have the status Usage and name the
// file and the field; a package of the retired toolset gives [ErrRetired].
func ParsePair(kekFile, worldFile File) (Pair, error) {
	kek, err := ParseKEKPackage(kekFile.Name, kekFile.Data)
	if err != nil {
		return Pair{}, err
	}
	world, err := ParseSecurityWorldPackage(worldFile.Name, worldFile.Data)
	if err != nil {
		return Pair{}, err
	}
	return Pair{
		kek:      kek,
		world:    world,
		kekSum:   fingerprint.Of(kekFile.Data),
		worldSum: fingerprint.Of(worldFile.Data),
	}, nil
}

// NewPair binds a new KEK package to its SecurityWorld package, and returns
// what reading their files gives.
func NewPair(kek KEKPackage, world SecurityWorldPackage) (Pair, error) {
	world.Type, world.Version = SecurityWorldType, Version
	worldData, err := world.Marshal()
	if err != nil {
		return Pair{}, err
	}
	kek.Type, kek.Version, kek.SecurityWorld = KEKType, Version, fingerprint.Of(worldData)
	kekData, err := kek.Marshal()
	if err != nil {
		return Pair{}, err
	}
	return ParsePair(File{KEKName(kek.Suffix, kek.Generation), kekData},
		File{SecurityWorldName(world.Suffix, world.Generation), worldData})
}

// Name returns the file name of the KEK package, by which people know the
// pair.
func (p Pair) Name() string { return KEKName(p.kek.Suffix, p.kek.Generation) }

// KEK returns the KEK package.
func (p Pair) KEK() KEKPackage { return p.kek }

// SecurityWorld returns the SecurityWorld package.
func (p Pair) SecurityWorld() SecurityWorldPackage { return p.world }

// KEKHash returns the SHA-256 of the KEK package file.
func (p Pair) KEKHash() fingerprint.Sum { return p.kekSum }

// SecurityWorldHash returns the SHA-256 of the SecurityWorld package file.
func (p Pair) SecurityWorldHash() fingerprint.Sum { return p.worldSum }

// files encodes both packages and their SHA256SUMS, in the order of the zip.
// A package that parsed encodes to the bytes it was parsed from.
func (p Pair) files() ([]File, error) {
	kekData, err := p.kek.Marshal()
	if err != nil {
		return nil, err
	}
	worldData, err := p.world.Marshal()
	if err != nil {
		return nil, err
	}
	if err := p.belong(); err != nil {
		return nil, err
	}
	kek, world := p.Name(), SecurityWorldName(p.world.Suffix, p.world.Generation)
	sums := FormatSums([]SumLine{{kek, p.kekSum}, {world, p.worldSum}})
	return []File{{kek, kekData}, {world, worldData}, {SumsName, sums}}, nil
}

// belong checks that two packages belong together, as attest.Check does again.
func (p Pair) belong() error {
	world := SecurityWorldName(p.world.Suffix, p.world.Generation)
	switch {
	case p.kek.Suffix != p.world.Suffix || p.kek.Generation != p.world.Generation:
		return exitcode.Errorf(exitcode.Check, "%s does not belong with %s", p.Name(), world)
	case p.kek.Mark != p.world.Mark:
		return exitcode.Errorf(exitcode.Refused, "%s: one package is marked %s, the other %s", p.Name(), p.kek.Mark,
			p.world.Mark)
	case p.kek.SecurityWorld != p.worldSum:
		return exitcode.Errorf(exitcode.Check, "%s is bound to a SecurityWorld package other than %s", p.Name(),
			world)
	}
	return nil
}
