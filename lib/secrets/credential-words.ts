/**
 * The words by which a name is known to say who asks. They are meant to be added to: one that is
 * missing shows what is somebody's to somebody else, one too many costs hits.
 */
import { Vocabulary } from './name-words.ts'

function words(text: string): ReadonlySet<string> {
  return new Set(text.trim().split(/\s+/))
}

/** In header fields: of what proves who asks. */
export const provingWords: ReadonlySet<string> = words(`
  auth authn authz oauth authorization authorisation authentication authenticated authentik
  authelia webauth bearer jwt jws jwe dpop token usertoken password passwd pwd passphrase passcode
  passkey pat secret secrets credential credentials creds cookie
  sso saml oidc openid kerberos spnego spiffe otp totp hotp mfa 2fa tfa pin hmac signature sign sig
  assertion appcheck cert certificate clientcert dn shib shibboleth modauth
`)

/** Everywhere: of what somebody has been given to be known again. */
export const sessionWords: ReadonlySet<string> = words(`
  session sessionid sessid sess phpsessid jsessionid sid ssid ticket fingerprint
`)

/** In header fields: of who asks, and for whom. */
export const askingWords: ReadonlySet<string> = words(`
  user users username userid userinfo uid login email mail upn eppn member customer employee visitor
  guest player subscriber person principal subject identity impersonate impersonated impersonation
  impersonator sudo actas runas onbehalfof behalf actor caller requester requestor consumer owner
  claim claims role roles group groups permission permissions scope scopes entitlement entitlements
  privilege privileges tenant tenants tenancy org orgs organization organizations organisation
  organisations account accounts subaccount workspace workspaces team teams project projects company
  merchant shop realm namespace database subdomain institution msisdn imsi imei wallet mailbox
  household patient student delegate nickname ssn citizen masquerade
`)

/** In header fields: whose number, `…-Id`, says who asks. */
export const numberedWords: ReadonlySet<string> = words(`
  client app application device installation install profile site store business brand partner
  vendor publisher subscription license licence machine terminal cart basket browser anonymous domain
  space developer affiliate reseller dealer branch school clinic contact agent operator portal
  instance service persona bot restaurant location hotel entity entities seller buyer supplier
  advertiser membership party practice facility office channel
`)

/** What such a number is called. */
export const numberWords: ReadonlySet<string> = words('id ids identifier uid uuid guid number no')

/** Before `key`: no secret, but where something is kept, or how it is known again. */
export const plainKeys: ReadonlySet<string> = words(`
  idempotency idempotent websocket cache sort primary foreign partition routing surrogate shard hash
  range message dedup dedupe deduplication trace correlation request span row object translation
  lookup index composite natural record search event metric group order column field filter
`)

/** Before `key`, in a query: there the value is a secret, however short it is. */
export const secretKeys: ReadonlySet<string> = words(`
  api access auth secret private client app application subscription license licence consumer
  account user admin master service developer dev rss feed encryption signing security session partner map
  maps site server rest ws web rapidapi functions function host storage sas
`)

/** As the last word: what is said of a credential, and not the credential itself. */
export const describingWords: ReadonlySet<string> = words(`
  type types version versions expiry expires expiration scheme algorithm algo alg method mode
  timeout ttl lifetime duration length size count limit remaining quota status format url uri
  policy enabled required supported date time timestamp
`)

/** As the last word: what somebody prefers, or how something is reached; many have the same. */
export const preferenceWords: ReadonlySet<string> = words(`
  agent locale lang language languages timezone tz offset country region currency city ip addr
  date time timestamp theme platform os browser version encoding charset format
`)

/** In a query: the value is a secret, however short it is. */
export const secretWords: ReadonlySet<string> = words(`
  authorization authorisation authentication bearer jwt jws jwe dpop password passwd pwd passphrase
  passcode passwort kennwort senha contrasena secret secrets credential credentials creds otp totp
  hotp mfa 2fa tfa saml assertion usertoken passkey sessid phpsessid jsessionid cftoken sastoken hdnts hdnea hdntl
`)

/** In a query, as the last word: the same. */
export const secretEndings: ReadonlySet<string> = words('pass pin dbpass')

/** In a query: a secret as often as something harmless, which is short. */
export const shortSecrets: ReadonlySet<string> = words(`
  session sessionid sess sid ssid ticket cookie sig hmac auth oauth signature ott otc pgtiou
`)

/** In a query, alone: a secret as often as something harmless, which is not that long. */
export const ambiguousNames: ReadonlySet<string> = words('key code sign sso sas license licence')

/** Before `token`, in a query: where a list goes on. */
export const pagingWords: ReadonlySet<string> = words(`
  page paging pagination next prev previous continuation continue sync skip delta resumption resume
  start end scroll cursor change changes watch iterator offset list
`)

// Words that say nothing of their own, to read what runs together.
const otherWords = words(`
  api key keys code codes access private public name info data anti csrf xsrf request response trace
  span correlation transaction verifier pair google aws amz amzn goog security sub art rest super
  auth0 ms forwarded remote acting as
`)

/** All of them. */
export const vocabulary: Vocabulary = new Vocabulary(
  [
    provingWords,
    askingWords,
    numberedWords,
    numberWords,
    plainKeys,
    secretKeys,
    describingWords,
    preferenceWords,
    secretWords,
    secretEndings,
    sessionWords,
    shortSecrets,
    ambiguousNames,
    pagingWords,
    otherWords,
  ].flatMap((each) => [...each]),
  words(`
    token secret password passwd passphrase passcode credential credentials cookie session sessid
    sessionid signature authorization authentication username assertion mailbox
  `),
)
