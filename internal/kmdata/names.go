package kmdata

import "byok/internal/statement"

// The names below stand for those of package statement until all their users
// say so.
type (
	Header         = statement.Header
	LogHead        = statement.LogHead
	Break          = statement.Break
	Program        = statement.Program
	CardHolder     = statement.CardHolder
	Statement      = statement.Statement
	World          = statement.World
	Module         = statement.Module
	Cards          = statement.Cards
	Origin         = statement.Origin
	Authorization  = statement.Authorization
	Seal           = statement.Seal
	Guard          = statement.Guard
	OwnPassphrases = statement.OwnPassphrases
	SealedKey      = statement.SealedKey
	SealedPIN      = statement.SealedPIN
	Identity       = statement.Identity
	Approval       = statement.Approval
	Pair           = statement.Pair
	KEK            = statement.KEK
	Target         = statement.Target
	Rule           = statement.Rule
	Token          = statement.Token
	PIN            = statement.PIN
	Finding        = statement.Finding
)

// Constants of package statement.
const (
	TypeWorld         = statement.TypeWorld
	TypeModule        = statement.TypeModule
	TypeCards         = statement.TypeCards
	TypeOrigin        = statement.TypeOrigin
	TypeAuthorization = statement.TypeAuthorization
	TypeSeal          = statement.TypeSeal
	OriginQuorum      = statement.OriginQuorum
	OriginUnproved    = statement.OriginUnproved
	GuardTrust        = statement.GuardTrust
	GuardTrustShared  = statement.GuardTrustShared
	GuardTrustByTool  = statement.GuardTrustByTool
	GuardLogin        = statement.GuardLogin
	GuardLoginShared  = statement.GuardLoginShared
	SuiteDefault      = statement.SuiteDefault
	SuiteOld          = statement.SuiteOld
	FormOneCall       = statement.FormOneCall
	FormTwoSteps      = statement.FormTwoSteps
	MaxPairs          = statement.MaxPairs
	MaxLabel          = statement.MaxLabel
	KMBits            = statement.KMBits
)

// Functions of package statement.
var (
	HeaderOf       = statement.HeaderOf
	Guards         = statement.Guards
	Parse          = statement.Parse
	Encode         = statement.Encode
	IdentityOf     = statement.IdentityOf
	OriginText     = statement.OriginText
	CheckPlainName = statement.CheckPlainName
	CheckIdent     = statement.CheckIdent
	CheckLabel     = statement.CheckLabel
	KMLLabel       = statement.KMLLabel
	KMLabel        = statement.KMLabel
	KWLabel        = statement.KWLabel
)
