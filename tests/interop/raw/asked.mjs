// Connection state recovery where the host decides about those who come back, too. It must not use any other namespace than the guarded
// one.
import { Phone, over } from "./phone.mjs";
import { joined } from "./session.mjs";

/** Where those who come back are asked again: a client of the guarded namespace, what it knows of its session, and what it misses. */
async function absent(at) {
  const observer = await Phone.open(at, "/observer");
  const phone = await Phone.open(at, "/guarded", { token: "secret" });
  await phone.say("back", "heard");
  await phone.hear();
  const { session } = phone;
  await phone.cut();
  await observer.ask("say", "/guarded", {}, "missed");
  return { phone, observer, back: (token) => phone.come({ ...session, token }) };
}
export const asked = {
  ...Object.fromEntries(["secret", "slow"].map((token) => [`let in: ${token}`, async (at) => {
    const { phone, observer, back } = await absent(at);
    const seen = await back(token);
    const { answer } = await phone.ask("whoami");
    await over(phone, observer);
    return { ...seen, token: answer.auth.token };
  }])),
  ...Object.fromEntries(["wrong", "slow-no"].map((token) => [`refused, and let in when it comes again: ${token}`, async (at) => {
    const { phone, observer, back } = await absent(at);
    const refused = await back(token);
    await over(phone);
    const again = await back("secret");
    await over(phone, observer);
    return { refused, again };
  }])),
  "gone before the host has decided": async (at) => {
    const { phone, observer, back } = await absent(at);
    const ws = await joined(at.port, null);
    await ws.send(`40/guarded,${JSON.stringify({ ...phone.session, token: "slow" })}`);
    await ws.close();
    const again = await back("secret");
    await over(phone, observer);
    return again;
  },
};
