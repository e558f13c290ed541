// A sentence with parts of the page in it: `<Say text="It leaves {at}." at={<Time at={edge} />} />`.
import { Fragment, type ReactNode } from "react";

export function Say({ text, ...parts }: { text: string } & Readonly<Record<string, ReactNode>>) {
  return (
    <>
      {text
        .split(/(\{\w+\})/)
        .map((piece, place) => {
          const name = /^\{(\w+)\}$/.exec(piece)?.[1];
          return <Fragment key={place}>{name && Object.hasOwn(parts, name) ? parts[name] : piece}</Fragment>;
        })}
    </>
  );
}
