// What the document does not let a program say: each line must be refused by the compiler.
import type { components, paths } from "./api.js";

type Invitation = paths["/v1/users/invite"]["post"]["requestBody"]["content"]["application/json"];
type Schemas = components["schemas"];

// @ts-expect-error: there is no such role.
export const role: Invitation = { email: "a@b.example", role: "king" };
// @ts-expect-error: an address is needed.
export const email: Invitation = { role: "member" };
// @ts-expect-error: a check says who asks, if only null.
export const check: Schemas["AccessCheck"] = { resource: "a", permission: "Read" };
// @ts-expect-error: no answer has a secret.
export const secret = (user: Schemas["User"]) => user.password_hash;
