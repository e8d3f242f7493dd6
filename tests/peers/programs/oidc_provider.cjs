// An authorization server (oidc-provider). Given on its command line: port, address of the one resource it knows, seconds that a
// token holds, public keys of the client that signs.
const [port, resource, seconds, jwks] = process.argv.slice(2);
const issuer = `http://127.0.0.1:${port}`;
const EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange";
const OURS = { redirect_uris: [], response_types: [], scope: "tools.read tools.write" };

async function exchange(provider, errors, ctx) {
  const { params, client } = ctx.oidc;
  if (params.subject_token_type !== "urn:ietf:params:oauth:token-type:access_token") throw new errors.InvalidRequest("its type");
  const subject = await provider.ClientCredentials.find(params.subject_token);
  if (!subject) throw new errors.InvalidRequest(`subject token ${params.subject_token} is not known`);
  const token = new provider.ClientCredentials({ client, scope: params.scope });
  const known = { scope: "tools.read", audience: params.resource, accessTokenFormat: "opaque" };
  token.resourceServer = new provider.ResourceServer(params.resource, known);
  ctx.body = {
    access_token: await token.save(),
    issued_token_type: "urn:ietf:params:oauth:token-type:access_token",
    token_type: token.tokenType,
    expires_in: token.expiration,
  };
}

(async () => {
  const { Provider, errors } = await import(require.resolve("oidc-provider"));
  const provider = new Provider(issuer, {
    clients: [
      { client_id: "outrider", client_secret: "s3cret: %+/&", grant_types: ["client_credentials"], ...OURS },
      { client_id: "poster", client_secret: "posted", grant_types: ["client_credentials"], token_endpoint_auth_method: "client_secret_post", ...OURS },
      { client_id: "signer", grant_types: ["client_credentials"], token_endpoint_auth_method: "private_key_jwt", jwks: JSON.parse(jwks), ...OURS },
      { client_id: "exchanger", client_secret: "exchanged", grant_types: [EXCHANGE], ...OURS },
      { client_id: "server", client_secret: "of-the-server", grant_types: [], redirect_uris: [], response_types: [] },
    ],
    scopes: ["tools.read", "tools.write"],
    enabledJWA: { clientAuthSigningAlgValues: ["RS256", "ES256", "ES384", "EdDSA"] },
    ttl: { ClientCredentials: Number(seconds) },
    features: {
      devInteractions: { enabled: false },
      clientCredentials: { enabled: true },
      introspection: { enabled: true },
      revocation: { enabled: true },
      resourceIndicators: {
        enabled: true,
        getResourceServerInfo(ctx, wanted) {
          if (wanted !== resource) throw new errors.InvalidTarget("no such resource");
          return { scope: "tools.read", audience: resource, accessTokenFormat: "opaque", accessTokenTTL: Number(seconds) };
        },
      },
    },
  });
  const parameters = ["requested_token_type", "subject_token", "subject_token_type", "audience", "resource", "scope"];
  provider.registerGrantType(EXCHANGE, (ctx) => exchange(provider, errors, ctx), parameters);
  provider.on("server_error", (ctx, error) => console.error(error));
  provider.listen(Number(port), "127.0.0.1");
})();
