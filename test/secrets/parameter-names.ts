/** Names of parameters in the wild: which of them hold secrets, and how short those may be. */

function names(text: string): readonly string[] {
  return text.trim().split(/\s+/)
}

/** Secrets, however short they are. */
export const secret: readonly string[] = names(`
  authorization Authorization authentication bearer bearer_token access_token accessToken ACCESS_TOKEN
  accesstoken auth_token authToken authtoken api_token apiToken id_token id_token_hint refresh_token
  session_token sessionToken user_token userToken usertoken passkey rsskey feedkey dbpass private_token personal_access_token xoauth_token
  oauth_token oauth_token_secret oauth_verifier oauth_signature oauth_consumer_key x-access-token
  login_token reset_password_token confirmation_token invitation_token csrf_token authenticity_token
  _csrf_token user[token] data[attributes][token] mytoken stripeToken mapboxAccessToken ext_token
  api_key apikey apiKey api-key API_KEY api.key x-api-key xapikey hapikey wskey rapidapi-key app_key
  appKey appkey application_key client_key consumer_key license_key licenseKey subscription-key
  access_key accessKey AccessKeyId AWSAccessKeyId aws_access_key_id OSSAccessKeyId secret_key
  secretKey private_key privateKey auth_key authKey user_key account_key master_key admin_key
  service_key dev_key developerKey signing_key encryption_key partner_key maps_key sitekey auth[key]
  Key-Pair-Id GoogleAccessId
  secret Secret app_secret appsecret_proof client_secret clientSecret api_secret consumer_secret
  secret_id SecretId webhook_secret
  password Password passwd pwd pass user_pass userpass passphrase passcode user[password]
  user%5Bpassword%5D password_confirmation new_password old-password currentPassword db.password
  passwort pin otp otp_code totp mfa_token mfa_code 2fa tfa one_time_code
  jwt JWT id_jwt SAMLResponse SAMLRequest SAMLart samlresponse assertion client_assertion dpop
  credential credentials user_credentials X-Amz-Credential X-Amz-Signature X-Amz-Security-Token
  X-Goog-Credential X-Goog-Signature X-Goog-Security-Token X-Tos-Signature sastoken
  PHPSESSID phpsessid JSESSIONID jsessionid sessid ASP.NET_SESSID CFTOKEN hdnts hdnea __token__x_token
  code_verifier auth_code authCode authorization_code access_code verification_code login_code
  recovery_code reset_code activation_code
`)

/** Secrets where the value has 8 characters or more. */
export const session: readonly string[] = names(`
  token token[] token%5B%5D _token __token $token Token TOKEN session Session session_id sessionId
  sessionid SESSION_ID phpsessionid aspsessionid mysessionid sess_id ott otc pgtIou session[id] sid SID ssid JSESSION_SID ASP.NET_SessionId ticket
  Ticket cas_ticket auth sig Sig api_sig hmac HMAC signature Signature cookie user_code
`)

/** Secrets where the value has 16 characters or more. */
export const ambiguous: readonly string[] = names(`
  key KEY Key key[] fooKey tmdb_key code Code sign sso sas license appid app_id applicationId
  client_id clientId device_code
`)

/** None of them, however long the value is. */
export const harmless: readonly string[] = names(`
  q query search page per_page limit offset cursor sort order lang language locale country
  country_code countryCode currency_code zip_code postal_code area_code product_code promo_code
  language_code error_code status_code codec codename barcode pincode pin_code state nonce redirect_uri
  response_type grant_type scope user user_id username email id uuid name title author authors
  author_id authority keyword keywords monkey turkey hockey keyboard keyspace key_type sort_key
  sortKey primary_key partition_key cache_key group_key page_token pageToken next_token nextToken
  next_page_token nextPageToken continuation-token continuationToken $skiptoken skipToken
  resumptionToken sync_token syncToken pagination_token page[token] start_token scroll_token
  max_tokens maxTokens tokens tokenizer token_type page_token_type token_count auth_type
  signature_method signature_version oauth_signature_method oauth_version oauth_timestamp
  session_type session_name session_timeout design assign signage signal sidebar side inside
  passport compass passive password_policy password_length secretary ticketing
  tickets spin pinned opinion utm_source utm_campaign X-Amz-Date X-Amz-Algorithm
  X-Amz-Expires X-Amz-SignedHeaders X-Goog-Date Expires format version v callback _ t ts timestamp
  hash etag filter[name] fields[users] include lat lng bbox width height size color account project
  org team tenant role group
`)
