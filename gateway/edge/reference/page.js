// Shows the document. What is typed, the token included, is kept nowhere: it is gone with the page.
SwaggerUIBundle({
  url: "/v1/openapi.json",
  dom_id: "#reference",
  deepLinking: true,
  defaultModelsExpandDepth: 0,
  displayRequestDuration: true,
  persistAuthorization: false,
  // Would ask another host.
  validatorUrl: null,
});
