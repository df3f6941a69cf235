package cards

// Medium is what one card is kept on. [Folder] makes one of a folder on a USB
// stick. Errors name the medium and say what to do. What the rules refuse has
// status Refused, what the medium fails to do status Failed.
type Medium interface {
	// String names the medium for people, as they named it.
	String() string
	// Blank returns nil if a card can be written: none is there, and the
	// medium takes data. It leaves the medium as it was.
	Blank() error
	// Write writes a card that was not there; it never overwrites one.
	// Once it returns nil, the card survives a power cut.
	Write(Header, []byte) error
	// Read returns the card, still sealed, and its header, the zero Header if
	// there is none. Without a card the error is ErrBlank.
	Read() (Header, []byte, error)
	// Replace puts a card that was sealed again in place of the present one,
	// which stays until verify has taken what was written. The header stays.
	Replace(sealed []byte, verify func(written []byte) error) error
	// Remove removes the card and its header, if they are there.
	Remove() error
	// Place says where the medium is, for CheckPlaces.
	Place() (Place, error)
}
