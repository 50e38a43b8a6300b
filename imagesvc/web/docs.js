"use strict";
// The forms send to where the page comes from, also where that is not the public URL.
const base = new URL("../../", location.href).href.replace(/\/$/, "");

function sentHere(response) {
  if (response.url !== new URL("openapi.json", location.href).href) return response;
  const api = JSON.parse(response.text);
  const named = new URL(api.servers[0].url, location.href).href.replace(/\/$/, "");
  const password = api.components.securitySchemes?.password?.flows.password;
  if (password) {
    const url = new URL(password.tokenUrl, location.href).href;
    password.tokenUrl = url.replace(named, base);
  }
  api.servers = [{ url: base }];
  return { ...response, text: JSON.stringify(api) };
}

SwaggerUIBundle({
  url: "openapi.json",
  dom_id: "#ui",
  deepLinking: true,
  docExpansion: "list",
  displayRequestDuration: true,
  filter: true,
  defaultModelsExpandDepth: 0,
  validatorUrl: null,
  tryItOutEnabled: true,
  responseInterceptor: sentHere,
});
