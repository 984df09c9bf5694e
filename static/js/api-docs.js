// Shows the OpenAPI document; nothing is asked of, or sent to, another host.
const main = document.getElementById("api-docs");
SwaggerUIBundle({
  url: main.dataset.document,
  domNode: main,
  deepLinking: true,
  docExpansion: "list",
  defaultModelsExpandDepth: 0,
  validatorUrl: null,
});
