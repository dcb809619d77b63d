// What plain WebSocket servers do with events that are only counted: "42[...", or "42<number>[..." to be acknowledged.

const OPEN = "[".charCodeAt(0);

/** A function that counts a message and returns the text to answer it with, if there is one. */
export function counting() {
  let count = 0;
  return (text) => {
    if (text.charCodeAt(2) === OPEN) {
      count += 1;
      return undefined;
    }
    const end = text.indexOf("[");
    if (text.startsWith('["counted"', end)) return `43${text.slice(2, end)}[${count}]`;
    count += 1;
    return `43${text.slice(2, end)}[]`;
  };
}
