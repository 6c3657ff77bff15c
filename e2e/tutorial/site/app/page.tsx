import Session from "./session";

export default function Home() {
  return (
    <main>
      <h1>Hello</h1>
      <Session />
    </main>
  );
}
