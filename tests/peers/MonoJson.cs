// As much JSON as MonoClient needs: objects are dictionaries, arrays lists, numbers long or double. Contract values
// look as they do in Json.cs: bytes in base64, a Stream argument as {"size": n}, a Stream result as length and SHA-256.
using System;
using System.Collections;
using System.Collections.Generic;
using System.Globalization;
using System.IO;
using System.Linq;
using System.Runtime.Serialization.Json;
using System.Security.Cryptography;
using System.Text;
using System.Xml;

namespace Peers
{
    public static class MonoJson
    {
        static readonly object one = new object();
        static readonly Stream output = Console.OpenStandardOutput();

        public static Dictionary<string, object> ReadObject(string line)
        {
            var document = new XmlDocument { PreserveWhitespace = true };
            using (var reader = JsonReaderWriterFactory.CreateJsonReader(Encoding.UTF8.GetBytes(line), XmlDictionaryReaderQuotas.Max))
                document.Load(reader);
            var read = Read(document.DocumentElement) as Dictionary<string, object>;
            if (read == null) throw new FormatException("a command is a JSON object");
            return read;
        }

        // the reader shows JSON as XML elements whose type attribute says what they were
        static object Read(XmlElement e)
        {
            switch (e.GetAttribute("type"))
            {
                case "object": return e.ChildNodes.OfType<XmlElement>().ToDictionary(c => c.HasAttribute("item") ? c.GetAttribute("item") : c.LocalName, Read);
                case "array": return e.ChildNodes.OfType<XmlElement>().Select(Read).ToList();
                case "boolean": return e.InnerText == "true";
                case "null": return null;
                case "number":
                    long whole;
                    return long.TryParse(e.InnerText, NumberStyles.Integer, CultureInfo.InvariantCulture, out whole)
                        ? (object)whole : double.Parse(e.InnerText, CultureInfo.InvariantCulture);
                default: return e.InnerText;
            }
        }

        public static void Write(Dictionary<string, object> o)
        {
            var text = new StringBuilder();
            Append(text, o);
            var bytes = new UTF8Encoding(false).GetBytes(text.Append('\n').ToString());
            lock (one) { output.Write(bytes, 0, bytes.Length); output.Flush(); }
        }

        static void Append(StringBuilder to, object value)
        {
            if (value == null) to.Append("null");
            else if (value is bool) to.Append((bool)value ? "true" : "false");
            else if (value is string || value is Enum) Quote(to, value.ToString());
            else if (value is IDictionary)
            {
                char before = '{';
                foreach (DictionaryEntry pair in (IDictionary)value) { to.Append(before); Quote(to, (string)pair.Key); Append(to.Append(':'), pair.Value); before = ','; }
                to.Append(before == '{' ? "{}" : "}");
            }
            else if (value is IEnumerable)
            {
                char before = '[';
                foreach (var item in (IEnumerable)value) { Append(to.Append(before), item); before = ','; }
                to.Append(before == '[' ? "[]" : "]");
            }
            else if (value is double || value is float) to.Append(Convert.ToDouble(value).ToString("R", CultureInfo.InvariantCulture));
            else to.Append(Convert.ToString(value, CultureInfo.InvariantCulture));
        }

        static void Quote(StringBuilder to, string text)
        {
            to.Append('"');
            foreach (char c in text)
                if (c == '"' || c == '\\') to.Append('\\').Append(c);
                else if (c < ' ' || char.IsSurrogate(c)) to.Append("\\u").Append(((int)c).ToString("x4"));   // a lone surrogate has no UTF-8
                else to.Append(c);
            to.Append('"');
        }

        public static object ToValue(object read, Type type)
        {
            if (type.IsByRef) type = type.GetElementType();
            if (read == null) return null;
            if (type == typeof(byte[])) return Convert.FromBase64String((string)read);
            if (type == typeof(Stream))
            {
                var made = read as Dictionary<string, object>;
                return made != null ? new Pattern((long)made["size"]) : (Stream)new MemoryStream(Convert.FromBase64String((string)read));
            }
            return Convert.ChangeType(read, type, CultureInfo.InvariantCulture);
        }

        public static object FromValue(object value)
        {
            var bytes = value as byte[];
            if (bytes != null) return Convert.ToBase64String(bytes);
            var stream = value as Stream;
            if (stream == null) return value;
            using (stream)
            using (var hash = SHA256.Create())
            {
                var buffer = new byte[65536];
                long length = 0;
                for (int n; (n = stream.Read(buffer, 0, buffer.Length)) > 0; length += n) hash.TransformBlock(buffer, 0, n, null, 0);
                hash.TransformFinalBlock(buffer, 0, 0);
                return new Dictionary<string, object> { { "length", length }, { "sha256", string.Concat(hash.Hash.Select(b => b.ToString("x2"))) } };
            }
        }
    }
}
