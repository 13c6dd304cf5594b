'use client';
import { useEffect } from 'react';

export default function Page() {
  useEffect(() => {
    void import('../../src/report.js').then(({ done }) => import('../../src/external.js').then(done));
  }, []);
  return <p>external</p>;
}
