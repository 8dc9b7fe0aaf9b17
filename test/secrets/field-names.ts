/** Names of header fields in the wild: which of them tell users apart, and which of them do not. */

function names(text: string): readonly string[] {
  return text.trim().split(/\s+/)
}

/** Each proves who asks, says who asks, or chooses for whom. */
export const isolating: Readonly<Record<string, readonly string[]>> = {
  'of HTTP': names(`
    Authorization Proxy-Authorization Cookie Cookie2 From Signature Signature-Input DPoP
    Client-Cert Client-Cert-Chain Authentication X-Authorization X-Authentication X-Auth Auth Bearer
  `),
  'of anybody’s API': names(`
    X-Api-Key X-ApiKey Api-Key ApiKey api_key x_api_key X-API-KEY X-Api-Key-Id X-Api-Secret X-Api-Token
    X-Api-Auth X-App-Key X-Application-Key X-App-Token X-App-Secret X-App-Id X-Application-Id X-Secret
    X-Secret-Key X-Private-Key X-Public-Key X-Client-Key X-Client-Id X-ClientId X-Client-Secret
    X-Client-Token client_id client_secret X-Access-Key X-Access-Token Access-Token X-Access-Code
    X-Auth-Token X-AuthToken AuthToken Auth-Token X-Auth-Key X-Auth-User X-Auth-Email X-Auth-Secret
    X-Auth-Signature X-User-Token X-UserToken X-Session X-Session-Id X-SessionId Session Session-Id
    Session-Token X-Session-Token X-Session-Key sessionid X-Sid X-SSO-Token X-Sso X-Token Token
    X-Refresh-Token Refresh-Token X-Id-Token Id-Token X-ID-Token-Hint JWT X-JWT X-Jwt-Token
    X-JWT-Assertion Jwt-Token X-Bearer-Token X-Identity-Token X-Service-Key X-Service-Token X-Master-Key
    X-Admin-Key X-Admin-Token X-Signing-Key X-Encryption-Key X-License-Key License-Key Subscription-Key
    X-Subscription-Key X-Consumer-Key X-Partner-Key X-Merchant-Key X-Site-Key X-Key Key X-Key-Id Key-Id
    X-Pat X-Pass X-Password Password X-Passwd X-Pwd X-Passphrase X-Passcode X-Pin X-Otp X-OTP-Code X-Totp X-Mfa-Token
    X-2FA-Code X-2fa X-One-Time-Code X-Security-Code X-Verification-Code X-Sign X-Signature Api-Sign
    X-Hub-Signature X-Hub-Signature-256 X-HMAC X-HMAC-SHA256 X-Hmac-Signature X-Sig Request-Signature
    X-Credential X-Credentials X-Creds X-Ticket Ticket X-Assertion X-Saml-Assertion X-Oauth-Token
    X-OAuth-Scopes X-Device-Token X-Push-Token X-Guest-Token Guest-Token Cart-Token X-Cart-Id
  `),
  'of who asks': names(`
    X-User X-User-Id X-UserId userid User-Id X-User-Name X-Username Username X-User-Email X-Email
    X-User-Role X-User-Roles X-Role X-Roles X-User-Groups X-Groups X-Scopes X-Permissions X-Claims
    X-User-Type X-User-Info X-Userinfo X-Login Login X-Uid Uid X-Upn X-Subject X-Identity X-Principal
    X-Actor X-Caller-Id X-Requester X-Requestor-Id X-Owner X-Customer X-Customer-Id X-CustomerId
    X-Member-Id X-Employee-Id X-Patient-Id X-Student-Id X-Player-Id X-Visitor-Id X-Guest-Id
    X-Anonymous-Id X-Device-Id X-DeviceId Device-Id X-Installation-Id X-Device-Fingerprint X-MSISDN
    X-IMEI X-Phone-Number X-Phone X-Mobile X-Sub X-ProxyUser SMUSER SM-UNIVERSALID X-Kakao-Id
    X-PhpSessionId X-MySessionId AspSessionId X-Sess-Id X-Nickname X-SSN X-Profile-Id X-Wallet-Address X-Persona-Id
  `),
  'that act for others': names(`
    X-Acting-As Dropbox-API-Select-Admin Dropbox-API-Path-Root X-Entity-Id Zuora-Entity-Ids X-Legal-Entity
    X-Seller-Id X-Buyer-Id X-Supplier-Id X-Advertiser-Id X-Membership-Id X-Party-Id X-Practice-Id
    X-Facility-Id X-Office-Id X-Business-Unit X-Channel-Id X-SAP-Client X-Store-Code X-LC-Id
    Impersonate-User Impersonate-Group Impersonate-Uid Impersonate-Extra-Scopes X-Impersonate
    X-Impersonate-User X-Impersonated-User-Id Sudo X-Sudo X-Act-As X-ActAs Act-As act_as X-Run-As
    X-Run-As-User X-On-Behalf-Of On-Behalf-Of X-OnBehalfOf X-Switch-User Assume-User X-Delegate-User
    X-Trino-User X-Presto-User X-Proxy-User es-security-runas-user MSCRMCallerID CallerObjectId
    X-AnchorMailbox X-Masquerade-As X-View-As X-Login-As As-User Box-As-User X-Acting-User
  `),
  'that choose a tenant': names(`
    X-Tenant X-Tenant-Id X-TenantId Tenant Tenant-Id TenantID X-Tenant-Name X-Org X-Org-Id X-OrgId
    X-Organization X-Organization-Id X-Organisation-Id Organization-Id X-Account X-Account-Id
    X-AccountId Account-Id X-Account-Number X-Workspace X-Workspace-Id X-Team X-Team-Id X-Project
    X-Project-Id X-Company X-Company-Id X-Merchant-Id X-Shop X-Shop-Id X-Store-Id Store X-Site-Id
    X-Realm X-Namespace X-Database X-Subdomain X-Partner-Id X-Business-Id X-Institution-Id
    X-Location-Id X-Subaccount X-Sub-Account X-Domain-Id X-Space-Id X-Subscription-Id X-Branch-Id X-Clinic-Id
  `),
  'of proxies and gateways': names(`
    X-Forwarded-User X-Forwarded-Email X-Forwarded-Groups X-Forwarded-Preferred-Username
    X-Forwarded-Access-Token X-Auth-Request-User X-Auth-Request-Email X-Auth-Request-Groups
    X-Auth-Request-Preferred-Username X-Auth-Request-Access-Token X-Remote-User Remote-User
    REMOTE_USER HTTP_X_REMOTE_USER Remote-Email Remote-Name Remote-Groups X-Remote-Group
    X-Remote-Extra-Scopes X-WebAuth-User X-WEBAUTH-EMAIL X-Authentik-Username X-Authentik-Email
    X-Authentik-Uid X-Authentik-Jwt X-Pomerium-Jwt-Assertion X-Pomerium-Claim-Email X-Consumer-ID
    X-Consumer-Custom-ID X-Consumer-Username X-Credential-Identifier X-Anonymous-Consumer
    X-Authenticated-Userid X-Authenticated-Scope X-Authenticated-Groups Tailscale-User-Login
    Tailscale-User-Name Tailscale-User-Profile-Pic X-Forwarded-Client-Cert
    X-Forwarded-Tls-Client-Cert X-Forwarded-Tls-Client-Cert-Info X-SSL-Client-Cert X-SSL-Client-DN
    X-SSL-Client-S-DN SSL_CLIENT_S_DN X-SSL-Client-Verify X-SSL-Client-Serial X-Client-Cert
    X-Client-Certificate-Cert X-Client-DN X-ARR-ClientCert X-Amzn-Mtls-Clientcert
    X-Amzn-Mtls-Clientcert-Subject X-Spiffe-Id l5d-client-id X-Shib-Session-ID X-Shib-Mail eppn
    X-Tyk-Authorization X-Apigateway-Api-Userinfo X-Endpoint-API-UserInfo dapr-api-token
    x-ext-authz-check-result
  `),
  'of clouds': names(`
    X-Amz-Security-Token X-Amzn-Oidc-Data X-Amzn-Oidc-Identity X-Amzn-Oidc-Accesstoken
    X-Amz-Access-Token X-Amz-Mfa X-Amz-Account-Id X-Amz-Expected-Bucket-Owner
    x-amz-server-side-encryption-customer-key X-Goog-IAP-JWT-Assertion X-Goog-Authenticated-User-Email
    X-Goog-Authenticated-User-Id X-Goog-Api-Key X-Goog-User-Project X-Goog-AuthUser X-Goog-PageId
    X-Goog-Visitor-Id X-Goog-Channel-Token X-Goog-IAM-Authorization-Token X-Serverless-Authorization
    X-Firebase-AppCheck X-MS-CLIENT-PRINCIPAL X-MS-CLIENT-PRINCIPAL-ID X-MS-CLIENT-PRINCIPAL-NAME
    X-MS-CLIENT-PRINCIPAL-IDP X-MS-TOKEN-AAD-ACCESS-TOKEN X-ZUMO-AUTH X-ZUMO-APPLICATION
    Ocp-Apim-Subscription-Key X-Functions-Key aeg-sas-key aeg-sas-token x-ms-authorization-auxiliary
    x-ms-copy-source-authorization x-ms-encryption-key x-ms-client-session-id Cf-Access-Jwt-Assertion
    Cf-Access-Client-Id Cf-Access-Client-Secret Cf-Access-Authenticated-User-Email CF-Access-Token
    X-Auth-User-Service-Key Fastly-Key x-vercel-protection-bypass x-vercel-oidc-token x-vercel-team-id
    x-nf-account-id x-nf-sign X-IBM-Client-Id X-IBM-Client-Secret IAM-Apikey ibm-service-instance-id
    X-Subject-Token X-Storage-Token X-Domain-Id X-Project-Domain-Name X-Registry-Auth X-Registry-Config
    X-RH-Identity X-ID-TENANT-NAME
  `),
  'of services': names(`
    Xero-tenant-id xero-user-id Stripe-Account Stripe-Context Stripe-Signature OpenAI-Organization
    OpenAI-Project x-api-key xi-api-key X-HF-Bill-To Helicone-Auth Helicone-User-Id
    Helicone-Session-Id x-portkey-api-key x-portkey-virtual-key Mcp-Session-Id PRIVATE-TOKEN JOB-TOKEN
    Deploy-Token X-Gitlab-Token X-GitHub-OTP Circle-Token X-Vault-Token X-Vault-Namespace
    X-Consul-Token X-Consul-Namespace X-Nomad-Token X-Honeycomb-Team X-Sentry-Auth X-Scope-OrgID
    X-Grafana-Org-Id X-Grafana-Id X-Grafana-Device-Id X-SF-TOKEN X-Insert-Key X-Query-Key DD-API-KEY
    DD-APPLICATION-KEY Lightstep-Access-Token X-Rollbar-Access-Token Bugsnag-Api-Key X-SFDC-Session
    X-DocuSign-Authentication PayPal-Auth-Assertion PLAID-CLIENT-ID PLAID-SECRET X-Shopify-Access-Token
    X-Shopify-Storefront-Access-Token Shopify-Storefront-Private-Token X-Shopify-Shop-Domain
    X-Shopify-Hmac-Sha256 X-Twilio-Signature X-Slack-Signature X-Postmark-Server-Token X-MSYS-SUBACCOUNT
    X-Algolia-API-Key X-Algolia-Application-Id X-Algolia-UserToken X-TYPESENSE-API-KEY X-Meili-API-Key
    X-Parse-Application-Id X-Parse-REST-API-Key X-Parse-Master-Key X-Parse-Session-Token
    X-Parse-Installation-Id X-Appwrite-Project X-Appwrite-Key X-Appwrite-JWT X-Appwrite-Session
    X-Hasura-Admin-Secret X-Hasura-Role X-Hasura-User-Id X-ClickHouse-User X-ClickHouse-Key
    X-ClickHouse-Database X-Found-Cluster es-secondary-authorization securitytenant surreal-ns
    X-Plex-Token X-Plex-Client-Identifier X-Emby-Authorization X-MediaBrowser-Token Client-ID
    X-IG-App-ID X-IG-WWW-Claim X-Fingerprint X-RapidAPI-Key X-RapidAPI-Proxy-Secret X-Mashape-Key
    X-MBX-APIKEY CB-ACCESS-KEY CB-ACCESS-SIGN CB-ACCESS-PASSPHRASE OK-ACCESS-KEY OK-ACCESS-PROJECT
    KC-API-PASSPHRASE X-BAPI-API-KEY X-BAPI-SIGN X-GEMINI-APIKEY bfx-apikey APCA-API-KEY-ID
    APCA-API-SECRET-KEY X-CMC_PRO_API_KEY x-cg-pro-api-key X-IG-API-KEY CST X-SECURITY-TOKEN
    IG-ACCOUNT-ID X-Application sap-client Application-Interface-Key X-Auth-Client X-VTEX-API-AppKey
    X-VTEX-API-AppToken VtexIdclientAutCookie x-dw-client-id Harvest-Account-ID Procore-Company-Id
    Amazon-Advertising-API-ClientId Amazon-Advertising-API-Scope X-TFS-Session x-twitter-active-user
    X-Riot-Token X-Buildkite-Token PAPERLESS-TOKEN X-Redmine-API-Key X-Redmine-Switch-User
  `),
}

/** Each is the same for all users, or another one in each request; none of them names anybody. */
export const sharing: Readonly<Record<string, readonly string[]>> = {
  'of HTTP': names(`
    Accept Accept-Charset Accept-Encoding Accept-Language Accept-Datetime Accept-Signature
    Access-Control-Request-Headers Access-Control-Request-Method Cache-Control Connection
    Content-Digest Content-Encoding Content-Language Content-Length Content-Location Content-MD5
    Content-Type Date Digest Repr-Digest Want-Digest DNT Expect Forwarded Host If-Match
    If-Modified-Since If-None-Match If-Range If-Unmodified-Since Keep-Alive Link Max-Forwards Origin
    Pragma Prefer Priority Range Referer Save-Data TE Trailer Transfer-Encoding Upgrade
    Upgrade-Insecure-Requests User-Agent Via Viewport-Width Width Device-Memory DPR Downlink ECT RTT
    Early-Data Negotiate
  `),
  'of browsers': names(`
    Sec-CH-UA Sec-CH-UA-Mobile Sec-CH-UA-Platform Sec-CH-Prefers-Color-Scheme Sec-Fetch-Dest
    Sec-Fetch-Mode Sec-Fetch-Site Sec-Fetch-User Sec-GPC Sec-Purpose Sec-WebSocket-Key
    Sec-WebSocket-Accept Sec-WebSocket-Version Service-Worker X-Requested-With X-Purpose X-Moz
    X-Wap-Profile X-Client-Data
  `),
  'tokens against forgery': names(`
    X-CSRF-Token CSRF-Token X-CSRFToken csrf_token X-XSRF-TOKEN XSRF-Token RequestVerificationToken
    __RequestVerificationToken X-Request-Verification-Token X-Anti-Forgery-Token X-AntiForgery-Token
    anti-csrf-token-a2z X-Okta-XsrfToken kbn-xsrf osd-xsrf Jenkins-Crumb X-Atlassian-Token
    X-Requested-By X-OWA-Canary X-WP-Nonce X-Modhash
  `),
  'of one request': names(`
    X-Request-Id Request-Id X-RequestId X-Request-ID Request-Context X-Request-Start X-Request-UUID
    X-Correlation-Id X-CorrelationId Correlation-Id Correlation-Context X-Trace-Id X-Trace Trace-Id
    traceparent tracestate baggage b3 X-B3-TraceId X-B3-SpanId X-B3-ParentSpanId X-B3-Sampled
    X-B3-Flags X-Amzn-Trace-Id X-Amzn-RequestId X-Amz-Cf-Id X-Amz-Request-Id Amz-Sdk-Invocation-Id
    Amz-Sdk-Request X-Cloud-Trace-Context X-Datadog-Trace-Id X-Datadog-Parent-Id
    X-Datadog-Sampling-Priority X-Datadog-Origin X-Datadog-Tags sentry-trace uber-trace-id newrelic
    X-NewRelic-Id X-NewRelic-Transaction X-Client-Trace-Id X-Client-Request-Id Client-Request-Id
    x-ms-client-request-id X-Client-Transaction-Id X-User-Request-Id X-Session-Trace-Id X-Ot-Span-Context
    X-Honeycomb-Trace X-Instana-T Request-Timeout Idempotency-Key X-Idempotency-Key Idempotency-Id
    I-Twilio-Idempotency-Token PayPal-Request-Id X-FAPI-Interaction-Id X-Opaque-Id X-Nonce Nonce
    X-Timestamp X-Request-Timestamp X-Amz-Date x-ms-date CB-ACCESS-TIMESTAMP X-BAPI-TIMESTAMP
    X-Auth-Timestamp X-Signature-Timestamp bfx-nonce X-ARR-LOG-ID opc-request-id CF-Ray
    x-vercel-id x-nf-request-id X-GitHub-Delivery Fly-Request-Id X-Transaction-Id X-Operation-Id
    X-Message-Id X-Event-Id X-Span-Id X-Parent-Id sap-passport
  `),
  'keys of no lock': names(`
    Cache-Key X-Cache-Key Surrogate-Key X-Surrogate-Key Sort-Key X-Sort-Key Primary-Key Partition-Key
    x-ms-documentdb-partitionkey X-Routing-Key X-Shard-Key X-Hash-Key Message-Key X-Lookup-Key
    X-Deduplication-Key X-Correlation-Key X-Keyword Keywords X-Monkey X-Turnkey
  `),
  'versions and dialects': names(`
    X-GitHub-Api-Version Stripe-Version anthropic-version anthropic-beta OpenAI-Beta Notion-Version
    LinkedIn-Version X-RestLi-Protocol-Version Square-Version Braintree-Version Intercom-Version
    CB-VERSION api-version X-Api-Version X-Version X-App-Version X-App-Name X-Client-Version
    X-Client-Name X-Client-Info X-Client-Type X-Sdk-Version X-Build X-Platform X-Device-Type
    X-Device-Model X-Device-Name X-OS-Version X-Stainless-Lang X-Stainless-Retry-Count
    apollographql-client-name apollographql-client-version Apollo-Require-Preflight
    X-Apollo-Operation-Name GraphQL-Preflight x-goog-api-client x-goog-request-params X-Goog-FieldMask
    X-Amz-User-Agent X-Amz-Target X-Amz-Content-Sha256 x-amz-acl X-Amz-Request-Payer x-ms-version
    Ocp-Apim-Trace X-Okta-User-Agent-Extended X-Algolia-Agent Auth0-Client X-Firebase-Client
    X-Supabase-Api-Version MCP-Protocol-Version KC-API-KEY-VERSION X-Token-Type X-Auth-Type
    X-Auth-Method X-Signature-Method X-Signature-Version X-Signature-Algorithm X-Session-Timeout
    X-Twitter-Auth-Type X-TFS-FedAuthRedirect X-RapidAPI-Host X-Feature X-Experiment X-Debug
    X-HTTP-Method-Override X-Method-Override X-Powered-By X-Vault-Request X-Vault-Wrap-TTL
    ConsistencyLevel Sforce-Call-Options Asana-Enable X-Max-Tokens X-Tokens Cookies Tokenizer Author
    X-Author X-Authority X-Passport X-Design X-Factor X-Hostname X-Android X-Organic
  `),
  'places and languages': names(`
    X-Forwarded-For X-Forwarded-Proto X-Forwarded-Host X-Forwarded-Port X-Forwarded-Prefix
    X-Forwarded-Scheme X-Forwarded-Server X-Forwarded-Ssl X-Forwarded-Uri X-Original-Url
    X-Original-Uri X-Original-Host X-Original-Method X-Original-User-Agent X-Rewrite-Url X-Real-IP
    X-Client-IP X-User-IP X-Remote-Addr X-Remote-IP True-Client-IP Fastly-Client-IP CF-Connecting-IP
    CF-IPCountry CF-Visitor CF-Worker CDN-Loop X-Cluster-Client-IP Shopify-Storefront-Buyer-IP
    X-FAPI-Customer-IP-Address x-envoy-external-address x-envoy-attempt-count x-envoy-original-path
    X-Akamai-Edgescape X-AppEngine-Country X-Country X-Region X-Locale X-Language X-Lang X-Currency
    X-Timezone Time-Zone X-User-Locale X-User-Language X-User-Timezone X-User-Country X-User-Agent
    X-Discord-Locale X-Appwrite-Locale X-Twitter-Client-Language sap-language Auth0-Forwarded-For
  `),
}
