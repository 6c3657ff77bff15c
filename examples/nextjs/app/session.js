"use client";

import { useEffect, useState } from "react";
import SignedIn from "./signed-in";

export default function Session() {
  const [session, setSession] = useState(); // undefined: not known yet; null: nobody is signed in

  useEffect(() => {
    fetch("/api/auth/get-session")
      .then((answer) => (answer.ok ? answer.json() : undefined))
      .then(setSession);
  }, []);

  if (session === undefined) return null;
  if (session === null) return <p><a href="/login">Log in</a></p>;
  return <SignedIn name={session.user.name || session.user.email} />;
}
